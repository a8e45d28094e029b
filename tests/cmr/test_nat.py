"""NAT discovery: what is concluded, and that answers which lie fool nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cmr import nat_probe
from cmr.nat import NatReport, filtering_behaviour, is_plausible, mapping_behaviour, parse_server
from cmr.nat_probe import discover
from cmr.nat_watch import NatWatch
from cmr.registration import Registration
from protocol.stun import (
    BINDING_RESPONSE,
    OTHER_ADDRESS,
    XOR_MAPPED_ADDRESS,
    Address,
    StunMessage,
    parse_stun,
)
from streaming.stun_server import StunPlaces, serving

LOCAL = ("10.0.0.5", 50_000)
A1, A2, B1, B2 = (
    ("198.51.100.1", 1),
    ("198.51.100.1", 2),
    ("198.51.100.9", 1),
    ("198.51.100.9", 2),
)
X, Y, Z = (("203.0.113.1", port) for port in (1001, 1002, 1003))

MAPPINGS = {
    "nobody answered": ({}, "blocked"),
    "seen as it is": ({A1: LOCAL, A2: LOCAL}, "no_nat"),
    "one answer tells little": ({A1: X}, "unknown"),
    "two ports see the same": ({A1: X, A2: X}, "endpoint_independent"),
    "two addresses see the same": ({A1: X, B1: X, B2: X}, "endpoint_independent"),
    "addresses see other ports": ({A1: X, B1: Y, B2: Y}, "address_dependent"),
    "everybody sees another": ({A1: X, B1: Y, B2: Z}, "address_and_port_dependent"),
    "ports see another": ({A1: X, A2: Y}, "address_and_port_dependent"),
    "two addresses, one port each": ({A1: X, B1: Y}, "address_and_port_dependent"),
}


@pytest.mark.parametrize(("seen", "word"), MAPPINGS.values(), ids=MAPPINGS)
def test_the_mapping_follows_from_where_servers_saw_us(
    seen: dict[Address, Address], word: str
) -> None:
    assert mapping_behaviour(LOCAL, seen) == word
    assert NatReport(word).words


@pytest.mark.parametrize(
    ("from_address", "from_port", "word"),
    [
        (True, None, "endpoint_independent"),
        (False, True, "address_dependent"),
        (None, True, "unknown"),
        (False, False, "address_and_port_dependent"),
        (None, False, "address_and_port_dependent"),
        (None, None, "unknown"),
    ],
)
def test_the_filtering_follows_from_who_got_through(
    from_address: bool | None, from_port: bool | None, word: str
) -> None:
    found = filtering_behaviour(from_other_address=from_address, from_other_port=from_port)
    assert found == word


@pytest.mark.parametrize(
    ("mapped", "server", "is_so"),
    [
        ("8.8.8.8", "1.1.1.1", True),
        ("10.0.0.1", "1.1.1.1", False),
        ("100.64.0.1", "1.1.1.1", False),
        ("127.0.0.1", "1.1.1.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", True),
        ("0.0.0.0", "10.0.0.2", False),
        ("224.0.0.1", "10.0.0.2", False),
        ("169.254.169.254", "10.0.0.2", False),
        ("2606:4700::1", "1.1.1.1", False),
        ("2606:4700::1", "2606:4700::2", True),
    ],
)
def test_impossible_addresses_are_not_believed(mapped: str, server: str, is_so: bool) -> None:
    assert is_plausible((mapped, 4000), (server, 3478)) is is_so


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("stun.example:3478", ("stun.example", 3478)),
        ("[2001:db8::1]:3478", ("2001:db8::1", 3478)),
        ("stun.example", None),
        (":3478", None),
        ("stun.example:0", None),
        ("stun.example:99999", None),
        ("stun.example:x", None),
    ],
)
def test_servers_are_host_and_port(text: str, place: Address | None) -> None:
    assert parse_server(text) == place


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no answer is expected, nobody waits long for one."""
    monkeypatch.setattr(nat_probe, "WAITS_S", (0.1, 0.2))


@pytest.fixture
async def places(unused_udp_port_factory: Callable[[], int]) -> AsyncIterator[StunPlaces]:
    """Our own server with two addresses."""
    ports = unused_udp_port_factory(), unused_udp_port_factory()
    places = StunPlaces(*ports, "127.0.0.1", "127.0.0.2")
    async with serving(places):
        yield places


async def test_it_finds_that_there_is_no_nat(places: StunPlaces) -> None:
    found = await discover([f"127.0.0.1:{places.port}", f"127.0.0.1:{places.other_port}"])
    report = found.report
    assert (report.mapping, report.filtering) == ("no_nat", "endpoint_independent")
    assert (report.external, report.hairpin) == ("127.0.0.1", None)
    assert found.server == ("127.0.0.1", places.port)


async def test_a_server_with_one_address_tells_what_it_can(
    unused_udp_port_factory: Callable[[], int],
) -> None:
    port, other_port = unused_udp_port_factory(), unused_udp_port_factory()
    async with serving(StunPlaces(port, other_port)):
        found = await discover([f"127.0.0.1:{port}", f"127.0.0.1:{other_port}"])
    assert (found.report.mapping, found.report.filtering) == ("no_nat", "unknown")


@pytest.mark.usefixtures("impatient")
async def test_without_udp_it_is_blocked(unused_udp_port: int) -> None:
    """L1"""
    found = await discover([f"127.0.0.1:{unused_udp_port}"])
    assert (found.report.mapping, found.server) == ("blocked", None)
    assert "UDP" in found.report.words


@pytest.mark.parametrize("servers", [[], ["nonsense"], ["no-such-host.invalid:3478"]])
async def test_without_a_server_nothing_is_known(servers: list[str]) -> None:
    found = await discover(servers)
    assert found.report.mapping == "unknown"


class Liar(asyncio.DatagramProtocol):
    """A STUN server that answers as `lie` says: (data, where it is sent from by itself or not)."""

    def __init__(self, lie: Callable[[StunMessage, Address], list[bytes]]) -> None:
        self._lie = lie

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # always one here
        self.transport = transport
        self.place: Address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
        for reply in self._lie(parse_stun(data), client):
            self.transport.sendto(reply, client)


@asynccontextmanager
async def lying(lie: Callable[[StunMessage, Address], list[bytes]]) -> AsyncIterator[Liar]:
    loop = asyncio.get_running_loop()
    transport, liar = await loop.create_datagram_endpoint(lambda: Liar(lie), ("127.0.0.1", 0))
    try:
        yield liar
    finally:
        transport.close()


def response(request: StunMessage, mapped: Address) -> StunMessage:
    made = StunMessage(BINDING_RESPONSE, request.transaction)
    return made.with_address(XOR_MAPPED_ADDRESS, mapped)


def wrong_transaction(request: StunMessage, client: Address) -> list[bytes]:
    return [response(StunMessage(1, bytes(12)), client).encode()]


def impossible(request: StunMessage, client: Address) -> list[bytes]:
    return [response(request, ("8.8.8.8", 53)).encode()]


def garbage(request: StunMessage, client: Address) -> list[bytes]:
    good = response(request, client).encode()
    return [b"", good[:-1], good + b"\0", b"\xff" * 40, good.replace(b"\x00\x08", b"\xff\xff")]


def no_address(request: StunMessage, client: Address) -> list[bytes]:
    return [StunMessage(BINDING_RESPONSE, request.transaction).encode()]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("lie", [wrong_transaction, impossible, garbage, no_address])
async def test_lies_are_no_answers(lie: Callable[[StunMessage, Address], list[bytes]]) -> None:
    async with lying(lie) as liar:
        found = await discover([f"127.0.0.1:{liar.place[1]}"])
    assert found.report.mapping == "blocked"


@pytest.mark.usefixtures("impatient")
async def test_answers_of_strangers_are_none() -> None:
    """A spoofed source: the transaction is right, and it comes from somewhere else."""
    async with lying(lambda request, client: []) as stranger:

        def elsewhere(request: StunMessage, client: Address) -> list[bytes]:
            stranger.transport.sendto(response(request, client).encode(), client)
            return []

        async with lying(elsewhere) as liar:
            found = await discover([f"127.0.0.1:{liar.place[1]}"])
    assert found.report.mapping == "blocked"


@pytest.mark.usefixtures("impatient")
async def test_a_flood_ends_the_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nat_probe, "MAX_DATAGRAMS", 20)

    def flood(request: StunMessage, client: Address) -> list[bytes]:
        return wrong_transaction(request, client) * 30 + [response(request, client).encode()]

    async with lying(flood) as liar:
        found = await discover([f"127.0.0.1:{liar.place[1]}"])
    assert found.report.mapping == "blocked"


async def test_another_address_that_is_none_of_the_servers_is_not_asked() -> None:
    asked: list[Address] = []

    def names_itself(request: StunMessage, client: Address) -> list[bytes]:
        asked.append(client)
        other = ("127.0.0.1", 22)
        return [response(request, client).with_address(OTHER_ADDRESS, other).encode()]

    async with lying(names_itself) as liar:
        found = await discover([f"127.0.0.1:{liar.place[1]}"])
    # It ignores CHANGE-REQUEST, so nothing is learnt of the filtering.
    assert (found.report.mapping, found.report.filtering) == ("no_nat", "unknown")


async def test_the_watch_tells_the_registration(places: StunPlaces) -> None:
    registration = Registration(None)
    watch = NatWatch(registration, lambda: ["127.0.0.1"])
    assert watch.words == "not examined yet"
    registration.stun = (f"127.0.0.1:{places.port}",)
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        await registration.heartbeat_wanted()
    running.cancel()
    assert registration.nat is not None
    assert registration.nat["mapping"] == "no_nat"
    assert registration.stun_server == ("127.0.0.1", places.port)
    assert watch.words == registration.nat["detail"]
