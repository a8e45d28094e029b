"""One request inside a tunnel: records come in, the application answers, records go out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote

import h11

from contera.sealed_tunnels import Tunnel
from protocol.errors import ProtocolError
from protocol.http_message import MAX_HEAD_BYTES
from protocol.sealed_http import NUMBER_BYTES, Opener, parse_number, request_channel, seal, seal_end
from streaming.relay.asgi import PREFIX
from streaming.relay.wire import HttpWire, Message, RawHeaders, Scope

HEAD_S = 15.0  # from the first byte to the end of the inner head
STALL_S = 35.0  # an application that waits for a body gets nothing; the relay gives up after 30 s
BODY_S = 60.0  # a whole body, except of the relay's answers, which last as long as their video
WAITING_BYTES = 256 * 1024  # of a body that the application has not taken; then reading stops

# Said by proxies in front of us about the outer request; an inner one could only lie.
_HOP_HEADERS = frozenset({b"forwarded", b"x-real-ip", b"connection"})
_FORWARDED = b"x-forwarded-"
_FORWARDED_FOR = b"x-forwarded-for"


class SealedExchange:
    """Carries one inner request. `begin`, then `run`; afterwards it is used up."""

    def __init__(self, outer: Scope, wire: HttpWire, tunnel: Tunnel) -> None:
        loop = asyncio.get_running_loop()
        self._outer, self._wire, self._tunnel = outer, wire, tunnel
        self._early = bytearray()  # before the number is known
        self._number = -1
        self._opener: Opener | None = None
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._head: asyncio.Future[h11.Request] = loop.create_future()
        self._body: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._is_complete = False
        self._is_told = False  # the application has had the end of the body
        self._has_status = False
        self._has_failed = False
        self._body_deadline: float | None = None

    async def begin(self) -> Scope:
        """The inner request's scope once its head is there; raises ProtocolError, TimeoutError."""
        wire = self._wire
        wire.on_lost, wire.on_writable = self._lose, self._writable.set
        wire.take_body(self._take, self._outer_ended)
        async with asyncio.timeout(HEAD_S):
            request = await self._head
        scope = inner_scope(self._outer, request)
        if not scope["path"].startswith(PREFIX):
            self._body_deadline = asyncio.get_running_loop().time() + BODY_S
        return scope

    async def run(
        self, application: Callable[[Any, Any, Any], Awaitable[None]], scope: Scope
    ) -> None:
        """Has the application answer; a part is never taken for the whole."""
        try:
            await application(scope, self._receive, self._send)
        finally:
            if self._is_answered and not self._is_lost:
                await self._wire.finish()
            else:
                self._wire.abort()

    # What comes from the recorder.

    def _take(self, data: bytes) -> None:
        if self._has_failed:
            return
        try:
            self._feed(self._open(data))
        except (ProtocolError, h11.RemoteProtocolError) as error:
            self._fail(error)

    def _open(self, data: bytes) -> bytes:
        if self._opener is None:
            self._early += data
            if len(self._early) < NUMBER_BYTES:
                return b""
            data = bytes(self._early[NUMBER_BYTES:])
            self._start(parse_number(bytes(self._early)))
        opener = self._opener
        if opener is None:
            return b""
        had_begun = opener.has_begun
        opened = opener.feed(data)
        if opener.has_begun and not had_begun:
            self._tunnel.numbers.use(self._number)
            self._tunnel.is_proven = True
        return opened

    def _start(self, number: int) -> None:
        self._tunnel.numbers.check(number)
        self._number = number
        self._channel = request_channel(self._tunnel.channel, number)
        self._opener = Opener(self._channel)

    def _feed(self, data: bytes) -> None:
        if not data:
            return
        if self._is_complete:  # it would wait in memory for a second request that is never read
            raise ProtocolError("bad_message", "more than one request")
        self._http.receive_data(data)
        while (event := self._http.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            match event:
                case h11.Request():
                    self._set_head(event)
                case h11.Data():
                    self._keep(bytes(event.data))
                case h11.EndOfMessage():
                    self._is_complete = True
        self._news.set()

    def _set_head(self, request: h11.Request) -> None:
        if not self._head.done():
            self._head.set_result(request)

    def _keep(self, data: bytes) -> None:
        self._body.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > WAITING_BYTES:
            self._wire.pause_reading()

    def _outer_ended(self) -> None:
        if not self._is_complete:
            self._fail(ProtocolError("truncated", "the sealed request ended early"))

    def _lose(self) -> None:
        self._fail(ProtocolError("lost", "the connection was lost"))

    @property
    def _is_answered(self) -> bool:
        return self._http.our_state in (h11.DONE, h11.MUST_CLOSE)

    @property
    def _is_lost(self) -> bool:
        return self._has_failed or self._wire.is_lost

    def _fail(self, error: Exception) -> None:
        if self._has_failed:
            return  # the first reason is the one to tell
        self._has_failed = True
        self._news.set()
        self._writable.set()
        if not self._head.done():
            code = error.code if isinstance(error, ProtocolError) else "bad_message"
            self._head.set_exception(ProtocolError(code, str(error)))
        elif not self._wire.is_lost:
            self._wire.abort()

    # What the application sees.

    async def _receive(self) -> Message:
        if self._is_told:
            await self._until_lost()
            return {"type": "http.disconnect"}
        if not await self._has_news():
            return {"type": "http.disconnect"}
        body = b"".join(self._body)
        self._body.clear()
        self._waiting_bytes = 0
        self._wire.resume_reading()
        self._is_told = self._is_complete
        return {"type": "http.request", "body": body, "more_body": not self._is_complete}

    async def _has_news(self) -> bool:
        """Waits for a piece of the body, or its end; False when none comes any more."""
        while not self._body and not self._is_complete:
            if self._is_lost:
                return False
            self._news.clear()
            try:
                async with asyncio.timeout(self._patience_s()):
                    await self._news.wait()
            except TimeoutError:
                self._wire.abort()
                return False
        return True

    def _patience_s(self) -> float:
        if self._body_deadline is None:
            return STALL_S
        return min(STALL_S, self._body_deadline - asyncio.get_running_loop().time())

    async def _until_lost(self) -> None:
        while not self._is_lost:
            self._news.clear()
            await self._news.wait()

    async def _send(self, message: Message) -> None:
        if self._is_lost:
            return
        if message["type"] == "http.response.start":
            data = self._http.send(_response(message["status"], message.get("headers", [])))
            self._has_status = True
        elif message["type"] == "http.response.body" and self._has_status:
            data = self._body_bytes(message.get("body", b""), message.get("more_body", False))
        else:
            return
        await self._write(data or b"")

    def _body_bytes(self, body: bytes, has_more: bool) -> bytes:
        data = (self._http.send(h11.Data(data=bytes(body))) or b"") if body else b""
        if not has_more:
            data += self._http.send(h11.EndOfMessage()) or b""
        return data

    async def _write(self, data: bytes) -> None:
        """Hands it on, and waits while the connection takes nothing."""
        sealed = seal(self._channel, data)
        if self._is_answered:
            sealed += seal_end(self._channel)
        self._wire.write(sealed)
        while not self._wire.is_writable and not self._is_lost:
            self._writable.clear()
            await self._writable.wait()


def inner_scope(outer: Scope, request: h11.Request) -> Scope:
    """What the application is told: over https, from the address that the outer request has.

    Raises ProtocolError for a target that is no path, and for WebSockets, which cannot pass.
    """
    target, method = request.target, request.method
    if method not in (b"GET", b"POST"):
        raise ProtocolError("bad_message", "only GET and POST travel sealed")
    if not target.startswith(b"/") or any(name == b"upgrade" for name, _ in request.headers):
        raise ProtocolError("bad_message", "only plain requests to a path travel sealed")
    raw_path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": outer["asgi"],
        "http_version": "1.1",
        "server": outer.get("server"),
        "client": outer.get("client"),
        "scheme": "https",
        "method": method.decode("ascii"),
        "root_path": outer.get("root_path", ""),
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "query_string": query,
        "headers": _inner_headers(outer["headers"], list(request.headers)),
        "state": outer.get("state", {}),
        "extensions": {},
    }


def _inner_headers(outer: RawHeaders, inner: RawHeaders) -> RawHeaders:
    kept = [pair for pair in inner if not _is_hop(pair[0])]
    return kept + [pair for pair in outer if pair[0] == _FORWARDED_FOR]


def _is_hop(name: bytes) -> bool:
    # With an underscore Django would take it for the same header.
    plain = name.replace(b"_", b"-")
    return plain in _HOP_HEADERS or plain.startswith(_FORWARDED)


def _response(status: int, headers: RawHeaders) -> h11.Response:
    kept = [pair for pair in headers if pair[0].lower() not in (b"connection", b"date")]
    date = formatdate(usegmt=True).encode()  # recorders compare their clocks with it
    own = [(b"date", date), (b"connection", b"close")]
    return h11.Response(status_code=status, headers=kept + own)
