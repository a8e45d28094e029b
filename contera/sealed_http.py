"""Sealed HTTP in front of an ASGI application: for recorders that only plain HTTP lets through.

Format and reasons: `protocol.sealed_http`. What is inside a tunnel reaches the application as a
request over https. No Django: a relay node by itself has it too.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from contera.sealed_exchange import SealedExchange
from contera.sealed_tunnels import Tunnels, TunnelsFull
from protocol.errors import PROBLEM_CONTENT_TYPE, ProtocolError, problem
from protocol.sealed_http import HELLO_PATH, KEYS_PATH, KIND, MEDIA_TYPE, PREFIX, tunnel_id
from protocol.sealing import CLIENT_HELLO_BYTES, answer_hello
from protocol.tokens import Signer
from streaming.relay.wire import HttpWire, RawHeaders, Receive, Scope, Send, with_http_wire

HELLO_S = 10.0  # 36 bytes
_TUNNEL = re.compile(f"{PREFIX}([0-9a-f]{{32}})")

Application = Callable[[Any, Any, Any], Awaitable[None]]  # Any: ASGI's own untyped dictionaries


@dataclass(frozen=True)
class SealedHost:
    """Who this is towards recorders: its name in the hello, and what signs it."""

    host_id: str
    signer: Callable[[], Signer]


class Refused(Exception):
    """An answer outside of any tunnel."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.body = json.dumps(problem(status, code, detail)).encode()


class SealedHttp:
    """The application, and below PREFIX the same application sealed."""

    def __init__(
        self,
        application: Application,
        host: SealedHost,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._host = host
        self._clock = clock
        self.tunnels = Tunnels()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._application(scope, receive, send)
            return

        async def serve(wire: HttpWire) -> None:
            await self._serve(scope, wire)

        await with_http_wire(scope, receive, send, serve)

    async def _serve(self, scope: Scope, wire: HttpWire) -> None:
        try:
            await self._route(scope, wire)
        except Refused as refused:
            await _answer(wire, refused.status, PROBLEM_CONTENT_TYPE, refused.body)

    async def _route(self, scope: Scope, wire: HttpWire) -> None:
        method, path = scope["method"], scope["path"]
        if path == KEYS_PATH and method == "GET":
            keys = {"host_id": self._host.host_id, "keys": [self._host.signer().jwk]}
            await _answer(wire, 200, "application/json", json.dumps(keys).encode())
        elif path == HELLO_PATH and method == "POST":
            await self._hello(wire)
        elif (match := _TUNNEL.fullmatch(path)) and method == "POST":
            await self._exchange(scope, wire, match[1])
        else:
            raise Refused(404, "not_found", "There is nothing at this address.")

    async def _hello(self, wire: HttpWire) -> None:
        client_hello = await _small_body(wire, CLIENT_HELLO_BYTES)
        try:
            host = self._host
            host_hello, channel = answer_hello(client_hello, host.signer(), KIND, host.host_id)
            self.tunnels.add(tunnel_id(client_hello, host_hello), channel, self._clock())
        except ProtocolError as error:
            raise Refused(400, error.code, str(error)) from None
        except TunnelsFull:
            raise Refused(503, "too_busy", "Too many tunnels are in use.") from None
        await _answer(wire, 200, MEDIA_TYPE, host_hello)

    async def _exchange(self, scope: Scope, wire: HttpWire, name: str) -> None:
        tunnel = self.tunnels.get(name, self._clock())
        if tunnel is None:
            raise Refused(404, "tunnel_unknown", "This tunnel is not open any more.")
        exchange = SealedExchange(scope, wire, tunnel)
        try:
            with tunnel.in_use(self._clock):
                inner = await exchange.begin()
                await wire.start(200, _headers(MEDIA_TYPE, None))
                await exchange.run(self._application, inner)
        except TunnelsFull:
            raise Refused(429, "too_many_requests", "Too many requests in this tunnel.") from None
        except ProtocolError as error:
            raise Refused(400, error.code, str(error)) from None
        except TimeoutError:
            raise Refused(408, "too_slow", "The request did not come in time.") from None


async def _small_body(wire: HttpWire, size: int) -> bytes:
    """A body of so many bytes at most; raises Refused."""
    body = bytearray()
    ended = asyncio.get_running_loop().create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def take(data: bytes) -> None:
        if len(body) <= size:
            body.extend(data)
        else:
            end()

    wire.on_lost = end
    wire.take_body(take, end)
    try:
        async with asyncio.timeout(HELLO_S):
            await ended
    except TimeoutError:
        raise Refused(408, "too_slow", "The hello did not come in time.") from None
    return bytes(body)


def _headers(media_type: str, size: int | None) -> RawHeaders:
    """A connection carries one request: proxies between shall not hand its rest to another."""
    length = [] if size is None else [(b"content-length", b"%d" % size)]
    return [
        (b"content-type", media_type.encode()),
        (b"cache-control", b"no-store, no-transform"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
        *length,
    ]


async def _answer(wire: HttpWire, status: int, media_type: str, body: bytes) -> None:
    if wire.is_lost:
        return
    await wire.start(status, _headers(media_type, len(body)))
    wire.write(body)
    await wire.finish()
