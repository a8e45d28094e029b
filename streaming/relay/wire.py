"""How the relay talks to an HTTP server: callbacks and writes that never wait.

A server of `contera.listening` offers its connections directly (scope extension EXTENSION): bytes
of a recorder's POST reach the hub, and frames reach a viewer's socket, without waking a task. Any
other ASGI server works through the classes here, with two tasks per request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from streaming.relay.limits import PASSAGE_BYTES

EXTENSION = "contera.wire"

# ASGI's own types are mappings of str to Any.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]


class HttpWire(Protocol):
    """One HTTP request and its answer. Set the callbacks first; none is called after `finish`."""

    on_writable: Callable[[], None]
    on_lost: Callable[[], None]

    @property
    def is_writable(self) -> bool: ...
    @property
    def is_lost(self) -> bool: ...
    def take_body(self, on_body: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        """Has the body's bytes delivered as they come; neither callback may raise."""

    def hold(self) -> None:
        """The request was read and a long wait begins: its headers are not needed any more."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    async def start(self, status: int, headers: RawHeaders) -> None: ...
    def write(self, data: bytes) -> None: ...
    async def finish(self) -> None:
        """Ends the answer; waits until the socket takes it."""

    def abort(self) -> None:
        """Breaks the connection off, so that nobody takes a part for the whole."""


class SocketWire(Protocol):
    """The sending side of a WebSocket that was accepted."""

    on_writable: Callable[[], None]

    @property
    def is_writable(self) -> bool: ...
    def write(self, header: bytes, payload: bytes) -> None:
        """One binary message; nothing once the socket is closed."""

    def close(self, code: int, reason: str) -> None: ...


def nothing() -> None:
    """A callback nobody set."""


def ignore(_data: bytes) -> None:
    """Bytes nobody asked for."""


class _Outbox:
    """Messages on their way to an ASGI `send`, written by a task of their own."""

    def __init__(self, send: Send) -> None:
        self.on_writable: Callable[[], None] = nothing
        self._send = send
        self._messages: deque[tuple[Message, int]] = deque()
        self._size_bytes = 0
        self._wake = asyncio.Event()

    @property
    def is_writable(self) -> bool:
        return self._size_bytes < PASSAGE_BYTES

    def put(self, message: Message, size_bytes: int) -> None:
        self._messages.append((message, size_bytes))
        self._size_bytes += size_bytes
        self._wake.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            self.on_writable()

    async def flush(self) -> None:
        while self._messages:
            message, size_bytes = self._messages.popleft()
            await self._send(message)
            self._size_bytes -= size_bytes


class AsgiHttpWire(_Outbox):
    """HttpWire over plain ASGI."""

    def __init__(self, receive: Receive, send: Send) -> None:
        super().__init__(send)
        self.on_lost: Callable[[], None] = nothing
        self.is_lost = False
        self._on_body: Callable[[bytes], None] = ignore
        self._on_end: Callable[[], None] = nothing
        self._receive = receive
        self._readable = asyncio.Event()

    def take_body(self, on_body: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        self._on_body, self._on_end = on_body, on_end
        self._readable.set()

    def hold(self) -> None:
        """Those who want small idle connections use our own."""

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    async def start(self, status: int, headers: RawHeaders) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def write(self, data: bytes) -> None:
        self.put({"type": "http.response.body", "body": data, "more_body": True}, len(data))

    async def finish(self) -> None:
        await self.flush()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        """An ASGI application aborts by returning early; the server closes the connection."""

    async def read(self) -> None:
        """Delivers the body, then waits for the end of the connection."""
        has_more = True
        while has_more:
            await self._readable.wait()
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return self._lose()
            if body := message.get("body"):
                self._on_body(body)
            has_more = message.get("more_body", False)
        self._on_end()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        return self._lose()

    def _lose(self) -> None:
        self.is_lost = True
        self.on_lost()


class AsgiSocketWire(_Outbox):
    """SocketWire over plain ASGI."""

    _is_closed = False

    def write(self, header: bytes, payload: bytes) -> None:
        data = header + payload
        if not self._is_closed:
            self.put({"type": "websocket.send", "bytes": data}, len(data))

    def close(self, code: int, reason: str) -> None:
        self._is_closed = True
        self.put({"type": "websocket.close", "code": code, "reason": reason}, 0)


async def with_http_wire(
    scope: Scope, receive: Receive, send: Send, serve: Callable[[HttpWire], Awaitable[None]]
) -> None:
    """Runs `serve` with the server's own wire, or with ours over plain ASGI."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        await serve(direct)
        return
    async with asyncio.TaskGroup() as tasks:
        wire = AsgiHttpWire(receive, send)
        owned = [tasks.create_task(wire.read()), tasks.create_task(wire.run())]
        try:
            await serve(wire)
        finally:
            for task in owned:
                task.cancel()


async def with_socket_wire(
    scope: Scope, send: Send, serve: Callable[[SocketWire], Awaitable[None]]
) -> None:
    """As `with_http_wire`, for a WebSocket."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        await serve(direct)
        return
    async with asyncio.TaskGroup() as tasks:
        wire = AsgiSocketWire(send)
        writer = tasks.create_task(wire.run())
        try:
            await serve(wire)
        finally:
            writer.cancel()
