"""ICE towards strangers and liars (L11). Also notices when an update of aioice moves what
`cmr.doors.p2p_ice` narrows."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import stun
from aioice.ice import StunProtocol

from cmr.doors import p2p_peer
from cmr.doors.p2p_candidates import Candidate
from cmr.doors.p2p_ice import (
    MAX_REMOTE_CANDIDATES,
    MAX_WAITING_PACKETS,
    BoundedConnection,
    Gatherer,
    host_addresses,
)
from cmr.doors.p2p_peer import Peer
from cmr.doors.p2p_sdp import parse_offer
from tests.cmr.doors.test_p2p_candidates import MDNS, OFFER

HERE = "127.0.0.1"


@pytest.fixture
async def ours() -> AsyncIterator[BoundedConnection]:
    """A connection that has gathered on loopback and knows who should come."""
    gatherer = Gatherer([HERE], None)
    await gatherer.gather()
    connection = gatherer.connection
    connection.remote_username, connection.remote_password = "them", "p" * 22
    yield connection
    await connection.close()


@pytest.fixture
async def complaints() -> list[dict[str, Any]]:
    """What the event loop reports: exceptions in callbacks end up there, and in the log."""
    found: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: found.append(context))
    return found


class Stranger:
    """A UDP socket that sends to the connection."""

    def __init__(self, connection: BoundedConnection) -> None:
        (candidate,) = connection.local_candidates
        self._to = (candidate.host, candidate.port)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((HERE, 0))

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self._to)

    async def hears(self) -> bytes | None:
        """What comes back within a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                return await asyncio.get_running_loop().sock_recv(self.sock, 2000)
        return None


def check(connection: BoundedConnection, **attributes: Any) -> stun.Message:
    """A connectivity check of the viewer's, signed."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes = {
        "USERNAME": f"{connection.local_username}:them",
        "PRIORITY": 1,
        "ICE-CONTROLLING": 2**63,
        **attributes,
    }
    message.attributes = {k: v for k, v in message.attributes.items() if v is not None}
    message.add_message_integrity(connection.local_password.encode())
    return message


async def test_the_viewers_check_is_answered(ours: BoundedConnection) -> None:
    viewer = Stranger(ours)
    viewer.send(bytes(check(ours)))
    answer = await viewer.hears()
    assert answer is not None
    assert stun.parse_message(answer).message_class is stun.Class.RESPONSE


async def test_strangers_hear_nothing(ours: BoundedConnection) -> None:
    """Wrong user name, wrong password, none at all, and no priority: silence, not even an error."""
    stranger = Stranger(ours)
    forged = check(ours)
    forged.add_message_integrity(b"another password")
    messages = [
        check(ours, USERNAME="nobody:them"),
        check(ours, USERNAME=f"{ours.local_username}:others"),
        check(ours, PRIORITY=None),
        forged,
        stun.Message(stun.Method.BINDING, stun.Class.REQUEST),
        stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST),
    ]
    for message in messages:
        stranger.send(bytes(message))
    assert await stranger.hears() is None
    assert ours.remote_candidates == []


async def test_lying_attributes_end_in_nothing(
    ours: BoundedConnection, complaints: list[dict[str, Any]]
) -> None:
    """Lengths that attributes cannot have: aioice raises struct.error on some of them."""
    stranger = Stranger(ours)
    for type_ in (0x0001, 0x0006, 0x0008, 0x0009, 0x0020, 0x0024, 0x8028, 0x8029, 0x802A, 0x802C):
        for length in (0, 1, 3, 5, 30):
            value = type_.to_bytes(2) + length.to_bytes(2) + b"\xff" * (length + -length % 4)
            head = b"\0\1" + len(value).to_bytes(2) + b"\x21\x12\xa4\x42" + bytes(12)
            stranger.send(head + value)
            stranger.send(head + value[:2] + b"\xff\xff" + value[4:])
    for byte in range(256):
        stranger.send(bytes([byte]) * 40)
    stranger.send(b"")
    assert await stranger.hears() is None
    assert complaints == []


async def test_packets_of_strangers_wait_nowhere(ours: BoundedConnection) -> None:
    stranger = Stranger(ours)
    for _ in range(100):
        stranger.send(b"\x16" + bytes(1000))  # as DTLS begins
    assert await stranger.hears() is None
    assert ours._queue.qsize() == 0


async def test_a_flood_of_a_known_address_is_bounded(ours: BoundedConnection) -> None:
    for _ in range(2 * MAX_WAITING_PACKETS):
        ours.data_received(b"\x16" + bytes(1000), 1)
    assert ours._queue.qsize() == MAX_WAITING_PACKETS


async def test_replayed_checks_make_few_candidates(ours: BoundedConnection) -> None:
    """Somebody saw a good check pass by, and sends it from everywhere."""
    message = check(ours)
    connecting = asyncio.create_task(ours.connect())
    (protocol,) = ours._protocols
    await asyncio.sleep(0)
    for port in range(2000, 3000):
        protocol.datagram_received(bytes(message), ("192.0.2.77", port))
    assert len(ours.remote_candidates) == MAX_REMOTE_CANDIDATES
    connecting.cancel()
    await asyncio.wait([connecting])


async def test_a_lying_stun_server_gives_no_candidate(complaints: list[dict[str, Any]]) -> None:
    """It says that we are seen at an address nobody can have."""

    class Liar(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
            request = stun.parse_message(data)
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = ("169.254.169.254", 80)
            self.transport.sendto(bytes(answer), client)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Liar, (HERE, 0))
    gatherer = Gatherer([HERE], transport.get_extra_info("sockname"))
    await gatherer.gather()
    assert [one.type for one in gatherer.connection.local_candidates] == ["host"]
    await gatherer.connection.close()
    transport.close()


@pytest.mark.parametrize(
    ("told", "is_tried"), [("192.168.1.9", True), ("8.8.8.8", False), ("127.0.0.1", False)]
)
async def test_names_stand_for_addresses_of_the_local_network(
    monkeypatch: pytest.MonkeyPatch, told: str, is_tried: bool
) -> None:
    async def resolve(name: str) -> str:
        assert name == MDNS
        return told

    monkeypatch.setattr(p2p_peer, "resolve", resolve)
    peer = Peer("user", "p2p", parse_offer(OFFER), [HERE], None)
    await peer.gather()
    await peer._resolve(Candidate("1", 1, MDNS, 50_000, "host"))
    hosts = [one.host for one in peer._gatherer.connection.remote_candidates]
    assert hosts == ([told] if is_tried else [])
    await peer.close()


async def test_ports_are_random_and_unprivileged() -> None:
    ports = set()
    for _ in range(5):
        gatherer = Gatherer([HERE], None)
        await gatherer.gather()
        ports |= {one.port for one in gatherer.connection.local_candidates}
        await gatherer.connection.close()
    assert len(ports) > 1
    assert min(ports) >= 1024


def test_hosts_that_nobody_reaches_are_not_offered() -> None:
    assert not {HERE, "::1"} & set(host_addresses())


def test_aioice_still_has_what_is_narrowed_here() -> None:
    """Names that `BoundedConnection` overrides, or reads."""
    for name in (
        "get_component_candidates",
        "data_received",
        "request_received",
        "check_incoming",
        "_valid_username",
    ):
        assert callable(getattr(BoundedConnection.__mro__[1], name)), name
    assert callable(StunProtocol.datagram_received)
