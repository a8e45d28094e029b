"""Sealed HTTP for aiohttp: a connection object that carries one request in a POST of records.

aiohttp writes and reads HTTP/1.1 as on any connection; what leaves this machine is sealed
(`protocol.sealed_http`). A request whose length is known goes out with a Content-Length, because
some filters want one; what has no end (live video) is chunked.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import h11

from cmr.carrier import Carrier, Outer, open_carrier, post_small
from protocol.errors import ProtocolError
from protocol.sealed_http import (
    HELLO_PATH,
    KEYS_PATH,
    KIND,
    NODE_HOST_ID,
    PORTAL_HOST_ID,
    PREFIX,
    Opener,
    format_number,
    request_channel,
    seal,
    seal_end,
    tunnel_id,
)
from protocol.sealing import ClientHandshake, SealedChannel

RENEW_S = 45 * 60.0  # below the host's own limit of an hour
COLLECT_BYTES = 512 * 1024  # requests of a known length up to this are sent whole
MAX_KEYS = 8

Jwk = Mapping[str, Any]  # Any: JSON


class SealedError(aiohttp.ClientError):
    """A sealed request that came to nothing; the text is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class HostTrust:
    """Who must be at an http address: its name in the hello and the keys it may sign with."""

    host_id: str
    keys: tuple[Jwk, ...]

    @classmethod
    def portal(cls, jwks: Mapping[str, Sequence[Jwk]]) -> HostTrust:
        return cls(PORTAL_HOST_ID, tuple(jwks["keys"])[:MAX_KEYS])

    @classmethod
    def node(cls, jwk: Jwk) -> HostTrust:
        return cls(NODE_HOST_ID, (jwk,))


@dataclass
class Tunnel:
    """One agreed channel with a host, and the number of the next request in it."""

    name: str
    channel: SealedChannel
    opened_at: float
    next_number: int = field(default=0)

    def number(self) -> int:
        self.next_number += 1
        return self.next_number


class Tunnels:
    """The tunnels to hosts that only plain HTTP reaches, by origin (`http://relay.example`)."""

    def __init__(self, outer: Outer, clock: Callable[[], float] = time.monotonic) -> None:
        self._outer = outer
        self._clock = clock
        self._tunnels: dict[str, Tunnel] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    async def connect(self, origin: str, trust: HostTrust, protocol: Connected) -> None:
        """Gives `protocol` a transport for one request; raises aiohttp.ClientError, OSError."""
        tunnel = await self._tunnel(origin, trust)
        number = tunnel.number()
        url = f"{origin}{PREFIX}{tunnel.name}"

        def lost_tunnel() -> None:
            if self._tunnels.get(origin) is tunnel:
                del self._tunnels[origin]

        request = SealedRequest(origin, request_channel(tunnel.channel, number), number)
        request.on_unknown_tunnel = lost_tunnel
        carrier = await open_carrier(self._outer, url, f"{origin}{KEYS_PATH}", request)
        request.attach(carrier, protocol)

    async def _tunnel(self, origin: str, trust: HostTrust) -> Tunnel:
        lock = self._opening.setdefault(origin, asyncio.Lock())
        async with lock:
            tunnel = self._tunnels.get(origin)
            if tunnel is None or self._clock() - tunnel.opened_at > RENEW_S:
                tunnel = await self._open(origin, trust)
                self._tunnels[origin] = tunnel
            return tunnel

    async def _open(self, origin: str, trust: HostTrust) -> Tunnel:
        handshake = ClientHandshake(KIND, trust.host_id)
        url = f"{origin}{HELLO_PATH}"
        host_hello = await post_small(self._outer, url, handshake.hello)
        channel = _proved(handshake, host_hello, trust, origin)
        return Tunnel(tunnel_id(handshake.hello, host_hello), channel, self._clock())


def _proved(
    handshake: ClientHandshake, host_hello: bytes, trust: HostTrust, origin: str
) -> SealedChannel:
    """The channel with a host that has one of the keys; raises SealedError."""
    for key in trust.keys:
        try:
            return handshake.finish(host_hello, key)
        except ProtocolError as error:
            if error.code != "not_this_host":
                break
    raise SealedError("not_this_host", f"{origin} is not answered by our portal or its relay")


async def ask_keys(outer: Outer, origin: str) -> HostTrust:
    """Who a host says it is, believed unproved: for a first registration over plain HTTP alone.

    Raises aiohttp.ClientError, OSError.
    """
    data = await post_small(outer, f"{origin}{KEYS_PATH}", None)
    try:
        body = json.loads(data)
        keys = tuple(dict(key) for key in body["keys"])[:MAX_KEYS]
        return HostTrust(str(body["host_id"]), keys)
    except (ValueError, KeyError, TypeError):
        raise SealedError("not_a_portal", f"{origin} is not a Contera portal") from None


class Connected(Protocol):
    """What aiohttp's own protocol object has of asyncio.Protocol."""

    def connection_made(self, transport: asyncio.BaseTransport, /) -> None: ...
    def data_received(self, data: bytes, /) -> None: ...
    def connection_lost(self, exc: Exception | None, /) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class SealedRequest(asyncio.Transport):
    """The transport of one inner connection, over a carrier that has just been connected."""

    def __init__(self, origin: str, channel: SealedChannel, number: int) -> None:
        super().__init__()
        self.on_unknown_tunnel: Callable[[], None] = lambda: None
        self._origin = origin
        self._channel = channel
        self._opener = Opener(channel)
        self._watch = RequestWatch()
        self._waiting = bytearray(format_number(number))
        self._is_begun = False
        self._is_over = False

    def attach(self, carrier: Carrier, protocol: Connected) -> None:
        self._carrier, self._protocol = carrier, protocol
        protocol.connection_made(self)

    # What aiohttp does with it.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_over or self._watch.is_complete:
            return
        plain = bytes(data)
        is_complete = self._watch.feed(plain)
        self._waiting += seal(self._channel, plain)
        if is_complete:
            self._waiting += seal_end(self._channel)
        self._send()

    def _send(self) -> None:
        if not self._is_begun:
            if self._watch.is_collected or not self._watch.has_head:
                return
            self._is_begun = True
            self._carrier.begin(len(self._waiting) if self._watch.is_complete else None)
        data, self._waiting = bytes(self._waiting), bytearray()
        self._carrier.send(data, is_last=self._watch.is_complete)

    def is_closing(self) -> bool:
        return self._is_over

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # as asyncio has it
        return self._carrier.transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._carrier.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._is_over:
            self._carrier.transport.resume_reading()

    def is_reading(self) -> bool:
        return self._carrier.transport.is_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._carrier.transport.set_write_buffer_limits(high=high, low=low)

    def get_write_buffer_size(self) -> int:
        return len(self._waiting) + self._carrier.transport.get_write_buffer_size()

    def can_write_eof(self) -> bool:
        return False

    # What the carrier brings.

    def body_received(self, data: bytes) -> None:
        try:
            opened = self._opener.feed(data)
        except ProtocolError:
            words = f"{self._origin}: something between changed the sealed answer"
            self._end(SealedError("bad_seal", words))
            return
        if opened and not self._is_over:
            self._protocol.data_received(opened)

    def refused(self, status: int, error: aiohttp.ClientError) -> None:
        """The answer was none of a tunnel."""
        if status == 404:
            self.on_unknown_tunnel()
        self._end(error)

    def lost(self, error: Exception | None) -> None:
        self._end(error)

    def pause_writing(self) -> None:
        if not self._is_over:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if not self._is_over:
            self._protocol.resume_writing()

    def _end(self, error: Exception | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._carrier.abort()
        loop = asyncio.get_running_loop()
        loop.call_soon(self._protocol.connection_lost, error)


class RequestWatch:
    """Reads along what aiohttp writes: where the head ends, and the request."""

    def __init__(self) -> None:
        self.has_head = False
        self.is_complete = False
        self._length: int | None = None
        self._http = h11.Connection(h11.SERVER)

    @property
    def is_collected(self) -> bool:
        """True while a short request of a known length is not complete."""
        return not self.is_complete and self._length is not None and self._length <= COLLECT_BYTES

    def feed(self, data: bytes) -> bool:
        """True when the request is complete."""
        self._http.receive_data(data)
        while (event := self._http.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                self.has_head = True
                lengths = [value for name, value in event.headers if name == b"content-length"]
                self._length = int(lengths[0]) if lengths else None
            elif isinstance(event, h11.EndOfMessage):
                self.is_complete = True
                break
        return self.is_complete
