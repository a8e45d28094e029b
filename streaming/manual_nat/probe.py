"""Goes to an address and asks for the recorder's proof: DNS, TCP, TLS, sealed hello.

What is found there is never shown. Whether a port refuses, swallows or babbles comes out alike,
after the same time; only a web server and a recorder are told apart from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, NegotiationError, WebSocketException

from accounts.outgoing.addresses import Address
from accounts.outgoing.names import NameUnknown, look_up
from protocol.errors import ProtocolError
from protocol.sealing import ClientHandshake
from recorders.network_settings import ManualNat

TEST_S = 5.0  # in all: people wait for it
SUBPROTOCOL = "contera.session.v1.sealed"
SEALING_KIND = "session"
MAX_MESSAGE_BYTES = 4096  # a host hello has 100
MAX_ADDRESSES = 8  # of a name; two are tried, one of each kind


class Outcome(StrEnum):
    NAME_UNKNOWN = "name_unknown"
    REFUSED_ADDRESS = "refused_address"
    UNREACHABLE = "unreachable"
    TLS_UNTRUSTED = "tls_untrusted"
    NOT_THIS_RECORDER = "not_this_recorder"
    OK = "ok"


@dataclass(frozen=True)
class Host:
    """Who must answer."""

    id: str
    key: Mapping[str, Any]  # JWK


@dataclass(frozen=True)
class Found:
    """`refused` says why an address was refused; `addresses` are what the name leads to."""

    outcome: Outcome
    addresses: Sequence[Address] = ()
    refused: str = ""


Resolve = Callable[[str, int], Awaitable[list[Address]]]
Judge = Callable[[Sequence[Address], int], str | None]


async def probe(place: ManualNat, host: Host, judge: Judge, resolve: Resolve) -> Found:
    """The name is resolved once, judged, and what was judged is connected to."""
    ends_at = asyncio.get_running_loop().time() + TEST_S
    addresses: list[Address] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(ends_at):
            addresses = await resolve(place.host, place.port)
    if not addresses:
        return Found(Outcome.NAME_UNKNOWN)
    if refused := judge(addresses, place.port):
        return Found(Outcome.REFUSED_ADDRESS, addresses, refused)
    outcome = Outcome.UNREACHABLE
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(ends_at):
            outcome = await _try_in_turn(place, host, addresses)
            if outcome is not Outcome.OK:
                await _keep_the_time_to_ourselves()
    return Found(outcome, addresses)


async def _keep_the_time_to_ourselves() -> None:
    """How long a failure took tells about the port; so every one takes as long as can be."""
    await asyncio.sleep(TEST_S)


async def resolved(host: str, port: int) -> list[Address]:
    """All addresses of a name; empty when it has none."""
    with contextlib.suppress(ValueError):
        return [ip_address(host)]
    try:
        return (await asyncio.to_thread(look_up, host, port))[:MAX_ADDRESSES]
    except NameUnknown:
        return []


async def _try_in_turn(place: ManualNat, host: Host, addresses: Sequence[Address]) -> Outcome:
    """The first address of each kind, for a portal or site may have one kind alone."""
    tried = list({address.version: address for address in reversed(addresses)}.values())
    outcome = Outcome.UNREACHABLE
    for address in tried:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TEST_S / len(tried)):
                outcome = await _ask(place, host, address)
        if outcome is not Outcome.UNREACHABLE:
            break
    return outcome


async def _ask(place: ManualNat, host: Host, address: Address) -> Outcome:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), place.port))
        async with _WithoutRedirects(**_options(place, sock)) as wire:
            return await _prove(wire, host)
    except ssl.SSLError:
        return Outcome.TLS_UNTRUSTED
    except (InvalidStatus, NegotiationError):  # it speaks HTTP, and is no recorder
        return Outcome.NOT_THIS_RECORDER
    except (OSError, EOFError, WebSocketException):
        return Outcome.UNREACHABLE
    finally:
        sock.close()


class _WithoutRedirects(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _options(place: ManualNat, sock: socket.socket) -> dict[str, Any]:  # Any: connect's own
    name = f"[{place.host}]" if ":" in place.host else place.host
    scheme, tls = ("wss", ssl.create_default_context()) if place.is_https else ("ws", None)
    return {
        "uri": f"{scheme}://{name}:{place.port}/v1/session",
        "sock": sock,
        "ssl": tls,
        "subprotocols": [SUBPROTOCOL],
        "compression": None,
        "proxy": None,
        "user_agent_header": None,
        "max_size": MAX_MESSAGE_BYTES,
        "open_timeout": None,  # the whole test has its end
        "close_timeout": 0.2,
    }


async def _prove(wire: ClientConnection, host: Host) -> Outcome:
    handshake = ClientHandshake(SEALING_KIND, host.id)
    await wire.send(handshake.hello)
    answer = await wire.recv()
    try:
        handshake.finish(answer if isinstance(answer, bytes) else b"", host.key)
    except ProtocolError:
        return Outcome.NOT_THIS_RECORDER
    return Outcome.OK
