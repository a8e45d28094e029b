"""The session door, message by message, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from protocol.session import (
    CLOSE_BAD_MESSAGE,
    CLOSE_FORBIDDEN,
    CLOSE_OFFLINE,
    CLOSE_TOO_SLOW,
    CLOSE_UNAUTHORIZED,
    MAX_MESSAGE_BYTES,
    MAX_STREAMS,
    Message,
    MessageType,
    decode,
    encode,
)
from streaming.relay.hub import Hub
from streaming.relay.limits import MESSAGE_BURST, STALLED_S
from streaming.relay.session import CLOSE_RESTART, SessionDoor
from tests.relay.cast import (
    INIT,
    LIVE_HEAD,
    OTHER,
    RECORDER,
    FakeClock,
    Site,
    access_token,
    frame,
)

LIVE = b"GET /v1/cameras/1/live?profile=sd HTTP/1.1\r\n\r\n"
LIVE_2 = b"GET /v1/cameras/2/live?profile=sd HTTP/1.1\r\n\r\n"
CAMERAS = b"GET /v1/cameras HTTP/1.1\r\n\r\n"


class Socket:
    """A SocketWire that remembers what was written."""

    def __init__(self) -> None:
        self.on_writable: Callable[[], None] = lambda: None
        self.is_writable = True
        self.messages: list[Message] = []
        self.closed: tuple[int, str] | None = None

    def write(self, header: bytes, payload: bytes) -> None:
        self.messages.append(decode(header + payload))

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def take(self) -> list[Message]:
        taken, self.messages = self.messages, []
        return taken

    def problem(self) -> str:
        """The code of the problem that was answered."""
        body = next(m.payload for m in self.take() if m.payload.startswith(b"{"))
        return str(json.loads(body)["code"])

    def notices(self) -> list[dict[str, object]]:
        return [json.loads(m.payload) for m in self.messages if m.type is MessageType.NOTICE]


@pytest.fixture
async def socket() -> Socket:
    return Socket()


@pytest.fixture
async def door(hub: Hub, socket: Socket, site: Site, clock: FakeClock) -> SessionDoor:
    """A session that has shown its token."""
    door = SessionDoor(hub, RECORDER, socket)
    door.open()
    door.receive(renew(access_token(clock)))
    return door


def renew(token: str) -> bytes:
    return encode(MessageType.RENEW, 0, token.encode())


def request(stream: int, payload: bytes = CAMERAS) -> bytes:
    return encode(MessageType.REQUEST, stream, payload)


async def test_the_head_is_alone_and_each_segment_is_one_message(
    door: SessionDoor, socket: Socket, site: Site
) -> None:
    door.receive(request(1, LIVE))
    site.answer(site.take(), LIVE_HEAD + INIT + frame(0, is_key=True) + frame(1))
    messages = socket.take()
    assert messages[0].payload.startswith(b"HTTP/1.1 200 ")
    assert messages[0].payload.endswith(b"\r\n\r\n")
    assert [m.payload for m in messages[1:]] == [INIT, frame(0, is_key=True), frame(1)]
    assert {(m.type, m.stream) for m in messages} == {(MessageType.DATA, 1)}


async def test_a_finite_answer_ends_with_end(door: SessionDoor, socket: Socket, site: Site) -> None:
    door.receive(request(1))
    exchange = site.take()
    site.answer(exchange, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}")
    exchange.close()
    assert [m.type.name for m in socket.take()] == ["DATA", "DATA", "END"]


async def test_a_cancelled_request_stops_the_recorder_and_is_answered_with_end(
    door: SessionDoor, socket: Socket, site: Site
) -> None:
    door.receive(request(1))
    post = site.answer(site.take())
    door.receive(encode(MessageType.CANCEL, 1))
    assert post.stopped is not None
    assert [m.type.name for m in socket.take()] == ["END"]
    door.receive(encode(MessageType.CANCEL, 1))  # crossed with END: fine
    assert socket.closed is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown type", b"\x63\0\0\0\0"),
        ("host's type", encode(MessageType.DATA, 1)),
        ("too short", b"\x01"),
        ("stream used before", request(1)),
        ("stream 0", request(0)),
        ("cancel of what was never opened", encode(MessageType.CANCEL, 9)),
        ("long ping", encode(MessageType.PING, 0, bytes(65))),
        ("renewal of a stream", encode(MessageType.RENEW, 1, b"x")),
        ("large", encode(MessageType.REQUEST, 2, bytes(MAX_MESSAGE_BYTES))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_message_outside_the_protocol_closes_the_session(
    door: SessionDoor, socket: Socket, hub: Hub, name: str, message: bytes
) -> None:
    """P2."""
    door.receive(request(1))
    door.receive(message)
    assert socket.closed is not None
    assert socket.closed[0] == CLOSE_BAD_MESSAGE
    assert hub.stats()["sessions"] == hub.stats()["exchanges"] == 0


async def test_text_closes_the_session(door: SessionDoor, socket: Socket) -> None:
    door.receive_text()
    assert socket.closed == (CLOSE_BAD_MESSAGE, "bad_frame")


async def test_a_flood_of_pings_closes_the_session(door: SessionDoor, socket: Socket) -> None:
    """P2."""
    for _ in range(int(MESSAGE_BURST) + 1):
        door.receive(encode(MessageType.PING, 0, b"x"))
    assert socket.closed == (CLOSE_BAD_MESSAGE, "too_many_messages")


async def test_a_ping_is_answered(door: SessionDoor, socket: Socket) -> None:
    door.receive(encode(MessageType.PING, 0, b"abc"))
    assert socket.take() == [Message(MessageType.PONG, 0, b"abc")]


async def test_the_first_message_is_a_token(hub: Hub, site: Site, socket: Socket) -> None:
    SessionDoor(hub, RECORDER, socket).receive(request(1))
    assert socket.closed == (CLOSE_BAD_MESSAGE, "bad_frame")


async def test_a_socket_that_shows_no_token_is_closed(
    hub: Hub, site: Site, socket: Socket, clock: FakeClock
) -> None:
    SessionDoor(hub, RECORDER, socket).open()
    clock.now += 11
    hub.tick()
    assert socket.closed == (CLOSE_UNAUTHORIZED, "token_missing")


async def test_bad_and_foreign_tokens_are_refused_with_the_same_code(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """R3, A4."""
    for token in ("x", access_token(clock, recorder=OTHER), access_token(clock)[:-3] + "AAA"):
        socket = Socket()
        SessionDoor(hub, RECORDER, socket).receive(renew(token))
        assert socket.closed is not None
        assert socket.closed[0] == CLOSE_UNAUTHORIZED


async def test_a_recorder_that_is_not_linked_closes_the_session(
    hub: Hub, socket: Socket, clock: FakeClock
) -> None:
    SessionDoor(hub, RECORDER, socket).receive(renew(access_token(clock)))
    assert socket.closed == (CLOSE_OFFLINE, "recorder_offline")


async def test_another_persons_token_closes_the_session(
    door: SessionDoor, socket: Socket, clock: FakeClock
) -> None:
    door.receive(renew(access_token(clock, user="stranger")))
    assert socket.closed is not None
    assert socket.closed[0] == CLOSE_FORBIDDEN


async def test_the_same_persons_newer_session_goes_on(
    door: SessionDoor, socket: Socket, clock: FakeClock
) -> None:
    """The page asks the portal for offers anew when its network changes (L5)."""
    door.receive(renew(access_token(clock, session="newer")))
    assert socket.closed is None


async def test_the_session_ends_with_its_token(
    door: SessionDoor, socket: Socket, hub: Hub, site: Site, clock: FakeClock
) -> None:
    """A6."""
    door.receive(request(1, LIVE))
    clock.now += 20
    Site(hub).poll()
    clock.now += 40
    Site(hub).poll()
    hub.tick()
    assert socket.closed == (CLOSE_UNAUTHORIZED, "token_expired")
    assert hub.stats()["viewers"] == 0


async def test_a_renewal_without_a_camera_cuts_that_camera_alone(
    hub: Hub, site: Site, socket: Socket, clock: FakeClock
) -> None:
    """A6."""
    door = SessionDoor(hub, RECORDER, socket)
    door.receive(renew(access_token(clock, grants={1: {"live"}, 2: {"live"}})))
    door.receive(request(1, LIVE))
    door.receive(request(2, LIVE_2))
    exchanges = [site.take(), site.take()]
    for exchange in exchanges:
        site.answer(exchange, LIVE_HEAD + INIT)
    socket.take()
    door.receive(renew(access_token(clock, grants={2: {"live"}})))
    assert socket.notices()[0]["code"] == "not_granted"
    for exchange in exchanges:
        exchange.feed(frame(0, is_key=True))
    data = [m.stream for m in socket.messages if m.type is MessageType.DATA]
    assert data == [2]


async def test_changed_rights_ask_for_a_new_token_and_then_end_the_session(
    door: SessionDoor, socket: Socket, hub: Hub, clock: FakeClock
) -> None:
    """A6: an older token, fetched just before the change, does not count."""
    stale = access_token(clock)
    clock.now += 0.2
    door.require_renewal(clock.unix())
    assert socket.notices()[0]["code"] == "renewal_required"
    door.receive(renew(stale))
    clock.now += 3.5
    hub.tick()
    assert socket.closed == (CLOSE_UNAUTHORIZED, "renewal_required")


async def test_telling_again_gives_no_more_time(
    door: SessionDoor, socket: Socket, hub: Hub, clock: FakeClock
) -> None:
    """A6"""
    stale = access_token(clock)
    clock.now += 1
    door.require_renewal(clock.unix())
    for _ in range(8):
        clock.now += 0.5
        door.access_changed(clock.unix())
        door.receive(renew(stale))
        hub.tick()
    assert socket.closed == (CLOSE_UNAUTHORIZED, "renewal_required")


async def test_who_renewed_by_the_portals_signal_is_not_asked_again(
    door: SessionDoor, socket: Socket, clock: FakeClock
) -> None:
    """The same change comes as a message too, later: it tells when the rights changed."""
    clock.now += 1
    changed_at = clock.unix()
    clock.now += 0.005
    door.require_renewal(clock.unix())
    clock.now += 0.02
    door.receive(renew(access_token(clock)))
    clock.now += 2
    door.access_changed(changed_at)
    assert [notice["code"] for notice in socket.notices()] == ["renewal_required"]


async def test_a_new_token_in_time_keeps_the_session(
    door: SessionDoor, socket: Socket, hub: Hub, clock: FakeClock
) -> None:
    clock.now += 5
    door.require_renewal(clock.unix())
    door.receive(renew(access_token(clock)))
    clock.now += 4
    hub.tick()
    assert socket.closed is None


async def test_a_new_token_that_ends_early_keeps_the_session_too(
    door: SessionDoor, socket: Socket, hub: Hub, clock: FakeClock
) -> None:
    """The person's grant ends in 20 s: another change must not end it before."""
    clock.now += 5
    door.require_renewal(clock.unix())
    door.receive(renew(access_token(clock, life_s=20)))
    clock.now += 4
    hub.tick()
    assert socket.closed is None


async def test_streams_have_a_bound(
    door: SessionDoor, socket: Socket, hub: Hub, site: Site
) -> None:
    """P2."""
    for number in range(MAX_STREAMS):
        door.receive(request(number + 1))
    socket.take()
    door.receive(request(MAX_STREAMS + 1))
    assert socket.problem() == "too_many_streams"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"GET http://192.168.1.1/ HTTP/1.1\r\n\r\n", "bad_message"),
        (b"GET /../../etc HTTP/1.1\r\n\r\n", "not_found"),
        (b"GET /v1/cameras/2/live HTTP/1.1\r\n\r\n", "not_granted"),
        (b"GET /v1/cameras/2/video HTTP/1.1\r\n\r\n", "not_granted"),
        (b"DELETE /v1/cameras HTTP/1.1\r\n\r\n", "method_not_allowed"),
        (b"GET /v1/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "bad_message"),
        (b"garbage", "bad_message"),
        (
            b"POST /v1/streams/0123456789abcdef0123456789abcdef/renewal HTTP/1.1\r\n\r\n",
            "stream_not_found",
        ),
    ],
)
async def test_a_refused_request_is_answered_in_its_stream(
    door: SessionDoor, socket: Socket, hub: Hub, payload: bytes, code: str
) -> None:
    """R11, R13: and the session goes on."""
    door.receive(request(1, payload))
    assert socket.problem() == code
    assert socket.closed is None
    assert hub.stats()["exchanges"] == 0


async def test_lost_frames_are_told(
    door: SessionDoor, socket: Socket, site: Site, clock: FakeClock
) -> None:
    door.receive(request(1, LIVE))
    exchange = site.take()
    site.answer(exchange, LIVE_HEAD + INIT)
    socket.is_writable = False
    for number in range(60):
        clock.now += 1 / 15
        exchange.feed(frame(number, number % 15 == 0))
    socket.take()
    socket.is_writable = True
    socket.on_writable()
    notice = socket.notices()[0]
    assert (notice["code"], notice["is_final"]) == ("frames_dropped", False)


async def test_a_viewer_that_takes_nothing_is_closed_as_too_slow(
    door: SessionDoor, socket: Socket, hub: Hub, site: Site, clock: FakeClock
) -> None:
    """R5."""
    door.receive(request(1, LIVE))
    exchange = site.take()
    site.answer(exchange, LIVE_HEAD + INIT)
    socket.is_writable = False
    for number in range(10):
        clock.now += STALLED_S / 8
        exchange.feed(frame(number))
        Site(hub).poll()
        door.receive(renew(access_token(clock)))
        hub.tick()
    assert socket.closed == (CLOSE_TOO_SLOW, "too_slow")
    assert hub.stats()["sessions"] == 0


async def test_a_planned_stop_says_come_back(door: SessionDoor, socket: Socket, hub: Hub) -> None:
    """R8."""
    hub.drain()
    assert socket.closed == (CLOSE_RESTART, "relay_stopping")


async def test_a_recorder_that_goes_offline_closes_the_session(
    door: SessionDoor, socket: Socket, hub: Hub, site: Site, clock: FakeClock
) -> None:
    clock.now += 20
    hub.tick()
    clock.now += 11
    hub.tick()
    assert socket.closed == (CLOSE_OFFLINE, "recorder_offline")
