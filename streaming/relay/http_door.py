"""Plain HTTP clients (VMS, Mobile, export jobs): `ANY /relay/v1/recorders/{id}/{path}`."""

from __future__ import annotations

import asyncio
from typing import Any

from protocol.http_message import MAX_REQUEST_BODY_BYTES, Request, ResponseHead
from protocol.tokens import bearer
from streaming.relay import passage
from streaming.relay.answers import SECURITY_HEADERS
from streaming.relay.hub import Hub
from streaming.relay.limits import BODY_S, STALLED_S
from streaming.relay.refusals import Refusal
from streaming.relay.requests import Running, open_request
from streaming.relay.wire import HttpWire, RawHeaders, Scope, nothing


class HttpDoor:
    """Serves one request of one viewer."""

    def __init__(self, hub: Hub, scope: Scope, wire: HttpWire) -> None:
        self._hub = hub
        self._scope = scope
        self._wire = wire
        self._running: Running | None = None
        self._outlet = HttpOutlet(wire)

    async def serve(self, recorder_id: str, path: str) -> None:
        try:
            self._running = await self._open(recorder_id, path)
        except Refusal as refusal:
            passage.answer(self._outlet, refusal)
        wire = self._wire
        wire.on_writable = self.drain
        wire.on_lost = self._outlet.lose
        if wire.is_lost:
            self._outlet.lose()
        try:
            await self._carry()
        finally:
            self._hub.release(self)
            if self._running is not None:
                self._running.cancel()
            wire.on_writable = wire.on_lost = nothing

    def drain(self) -> None:
        if self._running is not None:
            self._running.drain()

    def check(self, now: float, unix_s: float) -> None:
        if self._running is not None and not self._running.check(now):
            self._outlet.fail("too_slow", "")

    def access_changed(self, at: float) -> None:
        """There is no way to ask for a newer token in mid-stream."""
        if self._running is not None:
            self._running.access_changed(at)

    def stop(self) -> None:
        """A finite answer goes on; live video is ended by its feed."""

    async def _open(self, recorder_id: str, path: str) -> Running | None:
        credential = self._hub.verify_viewer(authorization(self._scope), recorder_id)
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._scope["headers"]
        )
        body = await read_body(self._wire)
        query = self._scope.get("query_string", b"").decode("latin-1")
        target = f"{path}?{query}" if query else path
        request = Request(self._scope["method"], target, headers, body)
        self._hub.keep(self)
        self._hub.admit(self, credential.access)
        return open_request(self._hub, recorder_id, credential, request, self._outlet)

    async def _carry(self) -> None:
        outlet, wire = self._outlet, self._wire
        head = await outlet.started
        if head is None:  # lost before anything came
            return wire.abort()
        await wire.start(head.status, raw_headers(head))
        outlet.open()
        self.drain()
        if not await outlet.finished:
            return wire.abort()
        try:
            async with asyncio.timeout(STALLED_S):
                await wire.finish()
        except TimeoutError:
            wire.abort()
        return None


class HttpOutlet:
    """Outlet over an HTTP answer; the door awaits `started`, then `finished`."""

    def __init__(self, wire: HttpWire) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[ResponseHead | None] = loop.create_future()
        self.finished: asyncio.Future[bool] = loop.create_future()
        self._wire = wire
        self._is_open = False
        self._early: list[bytes] = []  # written before the head was on its way

    @property
    def is_writable(self) -> bool:
        return self._is_open and self._wire.is_writable

    def open(self) -> None:
        """The head was sent."""
        self._is_open = True
        for data in self._early:
            self._wire.write(data)
        self._early.clear()

    def lose(self) -> None:
        """The viewer is gone."""
        if not self.started.done():
            self.started.set_result(None)
        self._finish(False)

    def head(self, head: ResponseHead) -> None:
        if not self.started.done():
            self.started.set_result(head)

    def data(self, payload: bytes) -> None:
        if self._is_open:
            self._wire.write(payload)
        else:
            self._early.append(payload)

    def offer(self, payload: bytes) -> bool:
        wire = self._wire
        if not (self._is_open and wire.is_writable):
            return False
        wire.write(payload)
        return True

    def notice(self, code: str, detail: str, **extra: Any) -> None:
        """Plain HTTP has no place for a word in mid-stream."""

    def end(self) -> None:
        self._finish(True)

    def fail(self, code: str, detail: str) -> None:
        self._finish(False)

    def _finish(self, is_whole: bool) -> None:
        if not self.finished.done():
            self.finished.set_result(is_whole)


def authorization(scope: Scope) -> str | None:
    """The bearer token of a request, or None."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    return bearer(values[0].decode("latin-1")) if len(values) == 1 else None


def raw_headers(head: ResponseHead) -> RawHeaders:
    return [(n.lower().encode(), v.encode()) for n, v in (*head.headers, *SECURITY_HEADERS)]


async def read_body(
    wire: HttpWire, limit_bytes: int = MAX_REQUEST_BODY_BYTES, within_s: float = BODY_S
) -> bytes:
    """A whole request body; raises Refusal 413 or 408. Not whole when the wire was lost."""
    body = bytearray()
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(data: bytes) -> None:
        body.extend(data[: limit_bytes + 1 - len(body)])
        if len(body) > limit_bytes:
            end()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    wire.on_lost = end
    wire.take_body(take, end)
    try:
        async with asyncio.timeout(within_s):
            await ended
    except TimeoutError:
        raise Refusal(408, "body_too_slow", "The request body did not arrive in time.") from None
    if len(body) > limit_bytes:
        raise Refusal(413, "body_too_large", f"More than {limit_bytes} bytes of body.")
    return bytes(body)
