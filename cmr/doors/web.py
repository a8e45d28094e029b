"""The web door: the recorder's own HTTP server."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from cmr.api.door import SESSION, WEB
from cmr.api.message import ApiError, Response
from cmr.api.routes import Api
from cmr.config import WebConfig
from cmr.doors.session_sockets import SessionSockets
from cmr.doors.sockets import keep_queues_short, prepare_for_body
from cmr.doors.start_page import PAGE_HEADERS
from protocol.http_message import MAX_REQUEST_BODY_BYTES, Request

WRITE_TIMEOUT_S = 20.0  # a reader that takes nothing for so long is gone or harmful
BODY_TIMEOUT_S = 10.0
HEAD_TIMEOUT_S = 20.0  # also how long an idle connection stays (slow-loris ≤ 30 s)
SHUTDOWN_S = 1.0
MAX_CONNECTIONS = 512  # 1/8 of what a process may usually open, and more than a site has viewers
BACKLOG = 128

# Nothing of ours is a page, a script or a cacheable file (A3).
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "ConteraCMR",
    "X-Content-Type-Options": "nosniff",
}

log = logging.getLogger(__name__)


class WebDoor:
    """Serves the API, session sockets, and a plain page at `/` whose text `page` gives."""

    def __init__(self, api: Api, page: Callable[[], str]) -> None:
        self._api = api
        self._page = page
        self._sockets = SessionSockets(api, SESSION)

    async def run(self, sock: socket.socket) -> None:
        """Serves on a listening socket until cancelled; open streams are then cut."""
        server = _BoundedServer(
            self._answer,
            handler_cancellation=True,  # a viewer that leaves ends its stream at once
            keepalive_timeout=HEAD_TIMEOUT_S,
            lingering_time=1.0,
            access_log=None,  # a line per request would wear out a memory card
            auto_decompress=False,
        )
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.SockSite(runner, sock, backlog=BACKLOG).start()
            await asyncio.get_running_loop().create_future()
        finally:
            await self._sockets.stop(SHUTDOWN_S)
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path == "/" and request.method in {"GET", "HEAD"}:
            headers = {**SECURITY_HEADERS, **PAGE_HEADERS}
            return web.Response(text=self._page(), content_type="text/html", headers=headers)
        try:
            if self._sockets.is_for(request):
                return await self._sockets.serve(request)
            message = await _message(request)
        except ApiError as error:
            refused = _whole(error.response())
            refused.force_close()  # the rest of its body is not wanted
            return refused
        response = await self._api.handle(message, WEB)
        try:
            return await _send(request, response)
        finally:
            await response.aclose()


class _StreamedAnswer(web.StreamResponse):
    """Hands a chunk on before the next is taken; aiohttp would let 64 KiB of them wait first."""

    async def send(self, chunk: bytes) -> None:
        await self.write(chunk)
        if self._payload_writer is not None:
            await self._payload_writer.drain()


class _BoundedServer(web.Server):
    """Closes connections beyond MAX_CONNECTIONS: files of the archive need descriptors too."""

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()


async def _message(request: web.BaseRequest) -> Request:
    """The request as the API takes it; raises ApiError for a body that is too large or slow."""
    headers = tuple(request.headers.items())
    body = await _body(request) if request.body_exists else b""
    return Request(request.method, request.raw_path, headers, body)


async def _body(request: web.BaseRequest) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > MAX_REQUEST_BODY_BYTES:
                    limit = f"the body has more than {MAX_REQUEST_BODY_BYTES} bytes"
                    raise ApiError(413, "body_too_large", limit)
    except TimeoutError:
        raise ApiError(408, "body_too_slow", "the body did not arrive in time") from None
    except HttpProcessingError:
        raise ApiError(400, "bad_message", "the body is malformed") from None
    return bytes(data)


async def _send(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    if isinstance(response.body, bytes):
        return _whole(response)
    answer = _StreamedAnswer(status=response.status, headers=_headers(response))
    if response.is_live:
        answer.enable_chunked_encoding()
    if request.transport is not None:
        prepare_for_body(request.transport, is_live=response.is_live)
    await answer.prepare(request)
    try:
        async for chunk in response.body:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await answer.send(chunk)
        await answer.write_eof()
    except TimeoutError:
        log.info("web door: a reader took nothing for %g s and was cut", WRITE_TIMEOUT_S)
        _cut(request)
    except OSError:
        _cut(request)  # the reader left, or the disk failed (BrokenBody, logged where it happened)
    return answer


def _cut(request: web.BaseRequest) -> None:
    """Ends the connection without the end of the message, so that nobody takes it for whole."""
    if request.transport is not None:
        request.transport.abort()


def _whole(response: Response) -> web.Response:
    body = response.body if isinstance(response.body, bytes) else b""
    return web.Response(status=response.status, headers=_headers(response), body=body)


def _headers(response: Response) -> dict[str, str]:
    return {**SECURITY_HEADERS, **dict(response.headers)}


def listen(config: WebConfig) -> socket.socket:
    """The door's listening socket; raises OSError that names address and port."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        sock = socket.create_server((config.host, config.port), family=family, backlog=BACKLOG)
    except OSError as error:
        fact = f"[web] cannot listen on {config.host} port {config.port}: {error.strerror or error}"
        raise OSError(error.errno, fact) from None
    keep_queues_short(sock)
    sock.setblocking(False)
    return sock
