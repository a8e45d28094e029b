"""uvicorn's connections, with a direct way in and out for the relay's bytes.

A frame of live video costs nothing but a parse and a write here: no task wakes, no ASGI message is
built. Everything else is uvicorn's own. Also here: what uvicorn does not bound by itself.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from streaming.relay.wire import EXTENSION, RawHeaders, nothing

REQUEST_S = 25.0  # a whole request, unless its reader takes the time on itself (slow loris ≤ 30 s)
WRITE_HIGH_BYTES = 64 * 1024  # asyncio's default, written down: it is part of a viewer's memory
WRITE_LOW_BYTES = 16 * 1024
CLOSE_S = 2.0  # for a viewer to read why it is being closed
MAX_FRAGMENTS = 256  # of one WebSocket message; browsers send one
PINGS_PER_S = 10  # of the WebSocket layer; clients send one in 20 s
CLOSE_POLICY = 1008
CLOSE_TOO_BIG = 1009


_MEDIUM = struct.Struct("!HH")  # FIN, binary, 16-bit length


class HttpConnection(HttpToolsProtocol):
    """An HTTP connection whose requests carry a wire. Idle ones are many: they are kept small."""

    __slots__ = ("_request_timer", "wire")

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Any: uvicorn's business
        super().__init__(*arguments, **named)
        self.wire: HttpWire | None = None
        self._request_timer: asyncio.TimerHandle | None = None
        self.pipeline = Pipeline()  # type: ignore[assignment]  # does what uvicorn does with it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Flow(transport)
        transport.set_write_buffer_limits(WRITE_HIGH_BYTES, WRITE_LOW_BYTES)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.stop_expecting()
        if self.wire is not None:
            self.wire.lose()

    def on_headers_complete(self) -> None:
        previous = self.cycle
        super().on_headers_complete()
        # A pipelined request waits for its turn without a wire: it is served as plain ASGI.
        if self.cycle is not previous and not self.pipeline:
            self.wire = HttpWire(self, self.cycle)
            extensions: dict[str, Any] = {EXTENSION: self.wire}  # Any: as ASGI has it
            self.scope["extensions"] = extensions

    def on_body(self, body: bytes) -> None:
        wire = self.wire
        if wire is not None and wire.taken_cycle is self.cycle:
            wire.on_body(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.stop_expecting()
        if getattr(self.cycle, "response_complete", False):  # it was answered early; None: upgrade
            self._expect_request()
        wire = self.wire
        if wire is not None and wire.taken_cycle is self.cycle:
            wire.on_end()

    def on_response_complete(self) -> None:
        self.wire = None
        super().on_response_complete()
        self._expect_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.wire is not None:
            self.wire.is_writable = False

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.wire is not None:
            self.wire.is_writable = True
            self.wire.on_writable()

    def handle_websocket_upgrade(self) -> None:
        self.stop_expecting()
        super().handle_websocket_upgrade()

    def stop_expecting(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _expect_request(self) -> None:
        self.stop_expecting()
        if not self.transport.is_closing():
            self._request_timer = self.loop.call_later(REQUEST_S, self.transport.close)


class Pipeline(list[Any]):
    """A deque as far as uvicorn uses it, without the 600 bytes of an empty one (Any: its items)."""

    __slots__ = ()

    def appendleft(self, item: Any) -> None:
        self.insert(0, item)


class Flow(FlowControl):
    """uvicorn's flow control, whose event exists only while somebody waits for it."""

    __slots__ = ("_waiting",)

    def __init__(self, transport: asyncio.Transport) -> None:
        # Not super(): its event is what this class is without.
        self._transport = transport
        self.read_paused = False
        self.write_paused = False
        self._waiting: asyncio.Event | None = None

    async def drain(self) -> None:
        while self.write_paused:
            self._waiting = self._waiting or asyncio.Event()
            await self._waiting.wait()

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None


class NobodyWaits:
    """Stands for the event of a request whose body comes by its wire."""

    def set(self) -> None:
        """Nobody waits."""

    def clear(self) -> None:
        """Nobody waits."""


NOBODY_WAITS = NobodyWaits()


class HttpWire:
    """`streaming.relay.wire.HttpWire` over one request of a connection."""

    __slots__ = (
        "_connection",
        "_cycle",
        "_write",
        "is_writable",
        "on_body",
        "on_end",
        "on_lost",
        "on_writable",
        "taken_cycle",
    )

    def __init__(self, connection: HttpConnection, cycle: RequestResponseCycle) -> None:
        self._connection = connection
        self._cycle = cycle
        self.taken_cycle: RequestResponseCycle | None = None  # once its body comes here
        self.is_writable = not connection.flow.write_paused
        self._write = connection.transport.write
        self.on_writable: Callable[[], None] = nothing
        self.on_lost: Callable[[], None] = nothing

    @property
    def is_lost(self) -> bool:
        return self._cycle.disconnected

    def take_body(self, on_body: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        cycle = self._cycle
        self.on_body, self.on_end, self.taken_cycle = on_body, on_end, cycle
        self._connection.stop_expecting()
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if cycle.body:
            early, cycle.body = bytes(cycle.body), bytearray()
            on_body(early)
        if not cycle.more_body:
            on_end()
        self._connection.flow.resume_reading()

    def hold(self) -> None:
        self._connection.headers.clear()
        self._cycle.message_event = NOBODY_WAITS  # type: ignore[assignment]  # 700 bytes less

    def pause_reading(self) -> None:
        self._connection.flow.pause_reading()

    def resume_reading(self) -> None:
        self._connection.flow.resume_reading()

    async def start(self, status: int, headers: RawHeaders) -> None:
        await self._cycle.send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )

    def write(self, data: bytes) -> None:
        cycle = self._cycle
        if cycle.disconnected:
            return
        if cycle.chunked_encoding:
            self._write(b"%x\r\n%b\r\n" % (len(data), data))
            return
        cycle.expected_content_length -= len(data)
        if cycle.expected_content_length < 0:
            self.abort()
        else:
            self._write(data)

    async def finish(self) -> None:
        if self._cycle.expected_content_length and not self._cycle.disconnected:
            self.abort()
        else:
            await self._cycle.send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        """What was written still goes out, as far as CLOSE_S allows; the last chunk does not."""
        self._cycle.disconnected = True
        transport = self._connection.transport
        transport.close()
        self._connection.loop.call_later(CLOSE_S, transport.abort)

    def lose(self) -> None:
        self._cycle.disconnected = True
        self.on_lost()


class SocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket with a wire, and bounds on what a client may make us answer."""

    wire: SocketWire | None = None
    _pings: int = 0
    _pings_since: float = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.conn.state = State.CLOSED  # the wire asks for this alone before it writes

    def handle_connect(self, event: Any) -> None:  # Any: websockets' Request, typed by uvicorn
        super().handle_connect(event)
        if not self.handshake_complete:
            self.wire = SocketWire(self)
            extensions: dict[str, Any] = {**(self.scope["extensions"] or {}), EXTENSION: self.wire}
            self.scope["extensions"] = extensions

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.wire is not None:
            self.wire.is_writable = False

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.wire is not None:
            self.wire.is_writable = True
            self.wire.on_writable()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(CLOSE_TOO_BIG, "too many fragments")
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        now = self.loop.time()
        if now - self._pings_since > 1.0:
            self._pings, self._pings_since = 0, now
        self._pings += 1
        if self._pings > PINGS_PER_S:
            self._fail(CLOSE_POLICY, "too many pings")
        else:
            super().handle_ping()

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(code, reason)
            self.handle_parser_exception()


class SocketWire:
    """`streaming.relay.wire.SocketWire` over a WebSocket connection."""

    __slots__ = ("_conn", "_connection", "_write", "is_writable", "on_writable")

    def __init__(self, connection: SocketConnection) -> None:
        self._connection = connection
        self._conn = connection.conn
        self._write = connection.transport.write
        self.is_writable = connection.writable.is_set()
        self.on_writable: Callable[[], None] = nothing

    def write(self, header: bytes, payload: bytes) -> None:
        if self._conn.state is not State.OPEN:
            return
        size = len(header) + len(payload)
        if 126 <= size < 65536:  # nearly every frame of video
            self._write(_MEDIUM.pack(0x827E, size) + header + payload)
        else:
            self._write(frame_header(size) + header + payload)

    def close(self, code: int, reason: str) -> None:
        """The reason is written behind what waits already; a viewer that does not read is cut."""
        connection = self._connection
        transport = connection.transport
        if connection.close_sent or transport.is_closing():
            return
        connection.stop_keepalive()
        connection.queue.put_nowait(
            {"type": "websocket.disconnect", "code": code, "reason": reason}
        )
        connection.conn.send_close(code, reason)
        transport.write(b"".join(connection.conn.data_to_send()))
        connection.close_sent = True
        if connection.read_paused:
            connection.read_paused = False
            transport.resume_reading()
        connection.close_timer = connection.loop.call_later(CLOSE_S, transport.abort)


def frame_header(size: int) -> bytes:
    """Header of an unfragmented, unmasked binary frame (RFC 6455 §5.2)."""
    if size < 126:
        return bytes((0x82, size))
    if size < 65536:
        return _MEDIUM.pack(0x827E, size)
    return struct.pack("!HQ", 0x827F, size)
