"""Asks STUN servers how our NAT behaves (RFC 5780 §4): sockets, and the order of questions."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

from cmr.nat import (
    BLOCKED,
    NO_NAT,
    UNKNOWN,
    NatReport,
    filtering_behaviour,
    is_plausible,
    mapping_behaviour,
    parse_server,
)
from protocol.errors import ProtocolError
from protocol.stun import (
    BINDING_ERROR,
    BINDING_REQUEST,
    BINDING_RESPONSE,
    CHANGE_IP,
    CHANGE_PORT,
    CHANGE_REQUEST,
    OTHER_ADDRESS,
    TRANSACTION_BYTES,
    XOR_MAPPED_ADDRESS,
    Address,
    StunMessage,
    parse_stun,
)

WAITS_S = (0.3, 0.6, 1.1)  # after each of three tries
DISCOVERY_S = 20.0  # all of it; with every answer missing it takes 8 s
NAMES_S = 5.0
MAX_SERVERS = 4
MAX_DATAGRAMS = 500  # per socket: a flood is not read to its end

Fits = Callable[[Address], bool]


@dataclass(frozen=True)
class Discovery:
    """What was found, and a server that answered."""

    report: NatReport
    server: Address | None = None


@dataclass(frozen=True)
class _Reply:
    """Where an answer came from, and what it tells; nothing when it is a refusal."""

    source: Address
    mapped: Address | None = None
    other: Address | None = None


@dataclass(frozen=True)
class _Sight:
    """Where a server saw us, and its other address when it has one."""

    mapped: Address
    other: Address | None


@dataclass(frozen=True)
class _Question:
    server: Address
    is_source: Fits
    answered: asyncio.Future[_Reply]


class StunSocket(asyncio.DatagramProtocol):
    """One local address. Believes answers to its own transactions, from where they were due."""

    def __init__(self) -> None:
        self._questions: dict[bytes, _Question] = {}
        self._hairpins: dict[bytes, asyncio.Future[bool]] = {}
        self._count = 0

    def connection_made(self, transport: Any) -> None:  # Any: always a datagram transport here
        self._transport: asyncio.DatagramTransport = transport
        self.local: Address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, source: tuple[Any, ...]) -> None:  # Any: asyncio's
        self._count += 1
        if self._count > MAX_DATAGRAMS:
            self._transport.abort()
            return
        with suppress(ProtocolError):
            self._take(parse_stun(data), (source[0], source[1]))

    async def ask(self, server: Address) -> _Sight | None:
        """What the server sees; None when no answer came, or one that tells nothing."""
        reply = await self._ask(server, 0, lambda source: source == server)
        if reply is None or reply.mapped is None:
            return None
        return _Sight(reply.mapped, reply.other)

    async def lets_in(self, server: Address, flags: int, fits: Fits) -> bool | None:
        """Whether an answer comes in from a place that `fits`; None when the server sends it from
        no other place than the one asked."""
        reply = await self._ask(server, flags, lambda source: source == server or fits(source))
        return None if reply is not None and reply.source == server else reply is not None

    async def knock(self, at: Address, other: StunSocket) -> bool:
        """Whether a packet of ours to this address comes in at the other socket."""
        arrived = asyncio.get_running_loop().create_future()
        request = _request(0)
        other._hairpins[request.transaction] = arrived
        return await self._repeat(request, at, arrived) is True

    async def _ask(self, server: Address, flags: int, is_source: Fits) -> _Reply | None:
        answered = asyncio.get_running_loop().create_future()
        request = _request(flags)
        self._questions[request.transaction] = _Question(server, is_source, answered)
        try:
            reply: _Reply | None = await self._repeat(request, server, answered)
        finally:
            del self._questions[request.transaction]
        return reply

    async def _repeat(
        self, request: StunMessage, to: Address, done: asyncio.Future[Any]
    ) -> Any:  # Any: what the future holds, None after the last try
        for wait_s in WAITS_S:
            if not self._transport.is_closing():
                self._transport.sendto(request.encode(), to)
            await asyncio.wait([done], timeout=wait_s)
            if done.done():
                return done.result()
        return None

    def _take(self, message: StunMessage, source: Address) -> None:
        if message.type == BINDING_REQUEST:
            knocked = self._hairpins.get(message.transaction)
            if knocked is not None and not knocked.done():
                knocked.set_result(True)
            return
        question = self._questions.get(message.transaction)
        if question is None or question.answered.done() or not question.is_source(source):
            return
        reply = _reply(message, source, question.server)
        if reply is not None:
            question.answered.set_result(reply)


def _reply(message: StunMessage, source: Address, server: Address) -> _Reply | None:
    """None for what a server cannot mean."""
    if message.type == BINDING_ERROR:
        return _Reply(source)
    mapped = message.address(XOR_MAPPED_ADDRESS) if message.type == BINDING_RESPONSE else None
    if mapped is None or not is_plausible(mapped, server):
        return None
    return _Reply(source, mapped, _believable_other(message.address(OTHER_ADDRESS), server))


def _request(flags: int) -> StunMessage:
    change = ((CHANGE_REQUEST, flags.to_bytes(4)),) if flags else ()
    return StunMessage(BINDING_REQUEST, secrets.token_bytes(TRANSACTION_BYTES), change)


def _believable_other(other: Address | None, server: Address) -> Address | None:
    """Another address and port of the server; packets go there, so it must be one like it."""
    if other is None or other[0] == server[0] or other[1] == server[1]:
        return None
    return other if is_plausible(other, server) and other[1] >= 1024 else None


async def discover(
    servers: Sequence[str], on_server: Callable[[Address], None] = lambda _: None
) -> Discovery:
    """Asks the servers (`host:port`); takes at most DISCOVERY_S and never raises. `on_server` hears
    of one that answers at once, long before the NAT is understood."""
    addresses = await _resolve(servers)
    if not addresses:
        fact = "No STUN server is known." if not servers else "No STUN server's name is known."
        return Discovery(NatReport(UNKNOWN, detail=fact))
    try:
        async with asyncio.timeout(DISCOVERY_S), AsyncExitStack() as stack:
            sockets = [await _open(stack, addresses[0]) for _ in range(2)]
            return await _discover(sockets[0], sockets[1], addresses, on_server)
    except (OSError, TimeoutError) as error:
        fact = getattr(error, "strerror", None) or "it took too long"
        return Discovery(NatReport(UNKNOWN, detail=f"The NAT could not be examined: {fact}."))


async def _discover(
    one: StunSocket,
    two: StunSocket,
    servers: list[Address],
    on_server: Callable[[Address], None],
) -> Discovery:
    replies = await asyncio.gather(*(one.ask(server) for server in servers))
    known = {s: reply for s, reply in zip(servers, replies, strict=True) if reply is not None}
    if not known:
        return Discovery(NatReport(BLOCKED))
    server, first = next(iter(known.items()))
    on_server(server)
    seen = {s: reply.mapped for s, reply in known.items()}
    filtering = await _filtering(two, server, first.other)
    if first.other is not None:
        seen |= await _seen_elsewhere(one, server, first.other)
    mapping = mapping_behaviour(one.local, seen)
    hairpin = None if mapping == NO_NAT else await _hairpin(one, two, server, first.mapped)
    return Discovery(NatReport(mapping, filtering, first.mapped[0], hairpin), server)


async def _seen_elsewhere(
    one: StunSocket, server: Address, other: Address
) -> dict[Address, Address]:
    """Where the server's other address sees us, at both ports (RFC 5780 §4.3, tests II and III)."""
    places = [(other[0], server[1]), other]
    replies = await asyncio.gather(*(one.ask(place) for place in places))
    return {place: r.mapped for place, r in zip(places, replies, strict=True) if r is not None}


async def _filtering(two: StunSocket, server: Address, other: Address | None) -> str:
    """RFC 5780 §4.4, from a socket that has sent to nobody else."""
    if await two.ask(server) is None:
        return UNKNOWN
    from_address = from_port = None
    if other is not None:
        flags = CHANGE_IP | CHANGE_PORT
        from_address = await two.lets_in(server, flags, lambda source: source == other)
    if not from_address:
        from_port = await _answers_from_other_port(two, server)
    return filtering_behaviour(from_other_address=from_address, from_other_port=from_port)


async def _answers_from_other_port(two: StunSocket, server: Address) -> bool | None:
    def is_other_port(source: Address) -> bool:
        return source[0] == server[0] and source[1] != server[1]

    return await two.lets_in(server, CHANGE_PORT, is_other_port)


async def _hairpin(one: StunSocket, two: StunSocket, server: Address, mapped: Address) -> bool:
    """Both knock at the other's outside: a NAT may want to have seen a packet before it lets one
    in."""
    reply = await two.ask(server)
    if reply is None:
        return False
    return any(await asyncio.gather(one.knock(reply.mapped, two), two.knock(mapped, one)))


async def _resolve(servers: Sequence[str]) -> list[Address]:
    """Literal addresses of one family, IPv4 when there is any: that is where NATs are."""
    loop = asyncio.get_running_loop()
    places = [place for place in map(parse_server, servers[:MAX_SERVERS]) if place is not None]
    found: list[tuple[int, Address]] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(NAMES_S):
            for host, port in places:
                with suppress(OSError):
                    rows = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
                    found += [(row[0], (str(row[4][0]), int(row[4][1]))) for row in rows]
    family = socket.AF_INET if any(f == socket.AF_INET for f, _ in found) else socket.AF_INET6
    return list(dict.fromkeys(address for f, address in found if f == family))[:MAX_SERVERS]


async def _open(stack: AsyncExitStack, server: Address) -> StunSocket:
    """A socket at the address that packets to the server leave from; raises OSError."""
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(server)
        host = probe.getsockname()[0]
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(StunSocket, (host, 0))
    stack.callback(transport.abort)
    return protocol
