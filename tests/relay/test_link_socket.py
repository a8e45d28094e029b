"""A recorder's answers over a WebSocket (L13)."""

from __future__ import annotations

import pytest

from protocol import link
from protocol.http_message import Request
from protocol.link import CLOSE_BAD_MESSAGE, CLOSE_REPLACED, LinkMessage, LinkType
from streaming.relay.access import Credential
from streaming.relay.hub import Hub
from streaming.relay.limits import PASSAGE_BYTES
from streaming.relay.link_socket import LinkSocket
from streaming.relay.requests import Running, open_request
from tests.relay.cast import (
    BOOT,
    INIT,
    LIVE_HEAD,
    OTHER,
    RECORDER,
    FakeClock,
    Screen,
    Site,
    credential,
    frame,
    relay_pass,
    watch,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n"


class Wire:
    """A SocketWire that remembers what the recorder was told."""

    def __init__(self) -> None:
        self.on_writable = lambda: None
        self.is_writable = True
        self.said: list[LinkMessage] = []
        self.closed: tuple[int, str] | None = None

    def write(self, header: bytes, payload: bytes) -> None:
        self.said.append(link.decode_from_relay(header + payload))

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def of(self, type_: LinkType) -> list[LinkMessage]:
        return [message for message in self.said if message.type is type_]


@pytest.fixture
async def wire() -> Wire:
    return Wire()


def opened(hub: Hub, clock: FakeClock, wire: Wire, boot: str = BOOT) -> LinkSocket:
    checked = hub.verify_pass(relay_pass(clock))
    socket = LinkSocket(hub, checked, boot, wire)
    socket.open()
    return socket


@pytest.fixture
async def socket(hub: Hub, clock: FakeClock, site: Site, wire: Wire) -> LinkSocket:
    return opened(hub, clock, wire)


def ask(hub: Hub, who: Credential, path: str = "cameras") -> tuple[Screen, Running | None]:
    screen = Screen()
    return screen, open_request(hub, RECORDER, who, Request("GET", f"/v1/{path}"), screen)


def say(
    socket: LinkSocket, type_: LinkType, exchange: str = link.NO_EXCHANGE, data: bytes = b""
) -> None:
    socket.receive(link.encode(type_, exchange, data))


async def test_an_answer_by_socket_reaches_its_viewer(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock
) -> None:
    screen, _ = ask(hub, credential(hub, clock))
    exchange = site.take().id
    say(socket, LinkType.BEGIN, exchange, OK + b"one")
    say(socket, LinkType.DATA, exchange, b"two")
    say(socket, LinkType.END, exchange)
    assert (screen.status, screen.body, screen.outcome) == (200, b"onetwo", "end")
    assert hub.stats()["exchanges"] == 0


async def test_live_video_by_socket_reaches_its_viewers(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock
) -> None:
    _, screen, _ = watch(hub, credential(hub, clock))
    exchange = site.take().id
    say(socket, LinkType.BEGIN, exchange, LIVE_HEAD)
    say(socket, LinkType.DATA, exchange, INIT + frame(0, is_key=True))
    say(socket, LinkType.DATA, exchange, frame(1))
    assert screen.received == [INIT, frame(0, is_key=True), frame(1)]


@pytest.mark.parametrize("exchange", ["00" * 16, "ab" * 16])
async def test_an_answer_nobody_waits_for_is_stopped_at_once(
    socket: LinkSocket, wire: Wire, exchange: str
) -> None:
    """R3: unknown and foreign ids alike."""
    say(socket, LinkType.BEGIN, exchange, OK)
    say(socket, LinkType.DATA, exchange, b"on its way already")
    assert [(m.exchange, m.payload) for m in wire.said] == [(exchange, b"exchange_not_found")]
    assert wire.closed is None


async def test_another_recorders_exchange_cannot_be_answered(
    hub: Hub, site: Site, clock: FakeClock, wire: Wire
) -> None:
    other = hub.verify_pass(relay_pass(clock, OTHER))
    socket = LinkSocket(hub, other, BOOT, wire)
    socket.open()
    screen, _ = ask(hub, credential(hub, clock))
    say(socket, LinkType.BEGIN, site.take().id, OK + b"forged")
    assert wire.said[0].payload == b"exchange_not_found"
    assert screen.heads == []


async def test_the_recorder_stops_when_the_viewer_left(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock, wire: Wire
) -> None:
    _, running = ask(hub, credential(hub, clock))
    exchange = site.take().id
    say(socket, LinkType.BEGIN, exchange, OK)
    assert running is not None
    running.cancel()
    assert wire.of(LinkType.STOP)[0].payload == b"cancelled"
    say(socket, LinkType.DATA, exchange, b"on its way already")
    assert wire.closed is None


async def test_a_malformed_answer_is_stopped_and_others_go_on(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock, wire: Wire
) -> None:
    """R11."""
    bad, _ = ask(hub, credential(hub, clock))
    good, _ = ask(hub, credential(hub, clock))
    first, second = site.take().id, site.take().id
    say(socket, LinkType.BEGIN, first, b"HTTP/1.1 200 OK\nBare: LF\r\n\r\n")
    say(socket, LinkType.BEGIN, second, OK + b"fine")
    say(socket, LinkType.END, second)
    assert (bad.status, good.body, good.outcome) == (502, b"fine", "end")
    assert wire.of(LinkType.STOP)[0].exchange == first


async def test_a_slow_viewer_holds_its_own_answer_back(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock, wire: Wire
) -> None:
    """What waits for it is bounded: credit comes as it reads."""
    screen, running = ask(hub, credential(hub, clock))
    screen.is_writable = False
    exchange = site.take().id
    say(socket, LinkType.BEGIN, exchange, OK)
    sent = 0
    while sent < PASSAGE_BYTES + link.WINDOW_BYTES // 2:
        say(socket, LinkType.DATA, exchange, bytes(link.MAX_PIECE_BYTES))
        sent += link.MAX_PIECE_BYTES
    given = sum(message.credit for message in wire.of(LinkType.CREDIT))
    assert given <= PASSAGE_BYTES + len(OK)
    screen.is_writable = True
    assert running is not None
    running.drain()
    assert sum(message.credit for message in wire.of(LinkType.CREDIT)) > given
    assert len(screen.body) == sent


async def test_more_than_the_window_closes_the_socket(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock, wire: Wire
) -> None:
    screen, _ = ask(hub, credential(hub, clock))
    screen.is_writable = False
    exchange = site.take().id
    say(socket, LinkType.BEGIN, exchange, OK)
    for _ in range((PASSAGE_BYTES + 2 * link.WINDOW_BYTES) // link.MAX_PIECE_BYTES):
        say(socket, LinkType.DATA, exchange, bytes(link.MAX_PIECE_BYTES))
    assert wire.closed == (CLOSE_BAD_MESSAGE, "frame_too_large")
    screen.is_writable = True
    assert hub.stats()["link_sockets"] == 0


@pytest.mark.parametrize("ending", ["lost", "break"])
async def test_a_break_is_never_taken_for_the_end(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock, ending: str
) -> None:
    screen, _ = ask(hub, credential(hub, clock))
    exchange = site.take().id
    say(socket, LinkType.BEGIN, exchange, OK + b"half")
    if ending == "lost":
        socket.disconnected()
    else:
        say(socket, LinkType.BREAK, exchange)
    assert screen.outcome == "recorder_lost"


async def test_a_newer_socket_takes_the_place_of_the_older(
    hub: Hub, socket: LinkSocket, clock: FakeClock, wire: Wire
) -> None:
    opened(hub, clock, Wire())
    assert wire.closed == (CLOSE_REPLACED, "replaced")
    assert hub.stats()["link_sockets"] == 1


async def test_a_newer_start_of_the_recorder_closes_the_socket(
    hub: Hub, socket: LinkSocket, clock: FakeClock, wire: Wire
) -> None:
    """R2; and the older start does not get it back."""
    Site(hub, boot="boot-number-two").poll()
    assert wire.closed == (CLOSE_REPLACED, "replaced")
    again = Wire()
    opened(hub, clock, again)
    assert again.closed == (CLOSE_REPLACED, "replaced")


async def test_a_pass_must_be_valid_when_an_answer_begins(
    hub: Hub, socket: LinkSocket, site: Site, clock: FakeClock, wire: Wire
) -> None:
    clock.offset += 3700
    ask(hub, credential(hub, clock))
    say(socket, LinkType.BEGIN, site.take().id, OK)
    assert wire.said[-1].payload == b"token_expired"
    say(socket, LinkType.PASS, data=relay_pass(clock).encode())
    screen, _ = ask(hub, credential(hub, clock))
    site.poll()
    say(socket, LinkType.BEGIN, site.take().id, OK)
    assert screen.status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01short",
        bytes([99]) + bytes(16),
        link.encode(LinkType.STOP),
        link.encode(LinkType.CREDIT, payload=bytes(4)),
        link.encode(LinkType.PING, payload=bytes(65)),
        link.encode(LinkType.DATA, payload=bytes(link.MAX_PIECE_BYTES + 1)),
        link.encode(LinkType.PASS, payload=b"forged"),
        link.encode(LinkType.PASS, payload=bytes(link.MAX_PASS_BYTES + 1)),
    ],
)
async def test_a_message_outside_the_protocol_closes_the_socket(
    socket: LinkSocket, wire: Wire, data: bytes
) -> None:
    """P2."""
    socket.receive(data)
    assert wire.closed is not None
    assert wire.closed[0] == CLOSE_BAD_MESSAGE


async def test_a_recorder_that_reads_nothing_is_cut(socket: LinkSocket, wire: Wire) -> None:
    wire.is_writable = False
    for _ in range(2000):
        say(socket, LinkType.PING, data=b"x")
    assert wire.closed == (CLOSE_BAD_MESSAGE, "too_slow")
    assert len(wire.said) < 1100


async def test_a_ping_comes_back(socket: LinkSocket, wire: Wire) -> None:
    say(socket, LinkType.PING, data=b"12345678")
    assert (wire.said[0].type, wire.said[0].payload) == (LinkType.PONG, b"12345678")


async def test_another_recorders_pass_closes_the_socket(
    hub: Hub, socket: LinkSocket, clock: FakeClock, wire: Wire
) -> None:
    say(socket, LinkType.PASS, data=relay_pass(clock, OTHER).encode())
    assert wire.closed == (CLOSE_BAD_MESSAGE, "token_not_for_this")
