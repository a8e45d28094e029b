"""The web door: the recorder's own HTTP server."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Any, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from cmr.api.door import SESSION, WEB
from cmr.api.message import ApiError, Response
from cmr.api.routes import Api
from cmr.doors.body import read_body
from cmr.doors.numbering import FragmentCount
from cmr.doors.ports import Port
from cmr.doors.session_sockets import SessionSockets
from cmr.doors.sockets import prepare_for_body
from cmr.local.who import Who
from protocol.http_message import Request
from protocol.tokens import bearer

WRITE_TIMEOUT_S = 20.0  # a reader that takes nothing for so long is gone or harmful
HEAD_TIMEOUT_S = 20.0  # also how long an idle connection stays (slow-loris ≤ 30 s)
SHUTDOWN_S = 1.0
MAX_CONNECTIONS = 512  # 1/8 of what a process may usually open, and more than a site has viewers
MAX_TLS_CONNECTIONS = 256  # of these; each holds 49 KiB, one without TLS 12 KiB

# Nothing of ours is a page, a script or a cacheable file (A3).
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "ConteraCMR",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)
http_log = logging.getLogger(f"{__name__}.http")  # aiohttp's


def _is_ours(record: logging.LogRecord) -> bool:
    """Malformed requests are strangers' doing: nobody fills the log with them."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


http_log.addFilter(_is_ours)


class Site(Protocol):
    """The recorder's own pages and accounts, beside the API."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """The page; None when it is none of the site's. Raises ApiError."""

    async def authorise(
        self, request: web.BaseRequest, message: Request
    ) -> tuple[Request, Who | None]:
        """The request with a token where it had a password, and whose; raises ApiError."""

    def sustaining(
        self, who: Who, request: web.BaseRequest, response: Response
    ) -> AbstractAsyncContextManager[None]:
        """Keeps live video going as long as who asked for it with a password may watch it."""


class WebDoor:
    """Serves the API, session sockets, and the pages of `site` when there is one."""

    def __init__(
        self, api: Api, site: Site | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._api = api
        self._site = site
        self._tls = tls
        self._sockets = SessionSockets(api, SESSION)

    async def run(self, *ports: Port) -> None:
        """Serves on listening sockets until cancelled; open streams are then cut."""
        server = _BoundedServer(
            self._answer,
            handler_cancellation=True,  # a viewer that leaves ends its stream at once
            keepalive_timeout=HEAD_TIMEOUT_S,
            lingering_time=1.0,
            logger=http_log,
            access_log=None,  # a line per request would wear out a memory card
            auto_decompress=False,
        )
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            async with asyncio.TaskGroup() as group:
                for port in ports:
                    group.create_task(port.serve(server, self._tls))
        finally:
            await self._sockets.stop(SHUTDOWN_S)
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if self._sockets.is_for(request):
                return await self._sockets.serve(request)
            if self._site is not None and (page := await self._site.answer(request)) is not None:
                return page
            message, who = await _message(request), None
            if self._site is not None:
                message, who = await self._site.authorise(request, message)
        except ApiError as error:
            refused = _whole(_with_challenge(request, error.response()))
            refused.force_close()  # the rest of its body is not wanted
            return refused
        response = _with_challenge(
            request, await self._api.handle(message, replace(WEB, peer=request.remote or ""))
        )
        try:
            async with self._sustaining(who, request, response):
                return await _send(request, response)
        finally:
            await response.aclose()

    def _sustaining(
        self, who: Who | None, request: web.BaseRequest, response: Response
    ) -> AbstractAsyncContextManager[None]:
        if self._site is None or who is None:
            return nullcontext()
        return self._site.sustaining(who, request, response)


class _StreamedAnswer(web.StreamResponse):
    """Hands a chunk on before the next is taken; aiohttp would let 64 KiB of them wait first."""

    async def send(self, chunk: bytes) -> None:
        await self.write(chunk)
        if self._payload_writer is not None:
            await self._payload_writer.drain()


class _BoundedServer(web.Server):
    """Closes connections beyond its bounds: files of the archive need descriptors too."""

    def __init__(self, handler: Handler, **settings: Any) -> None:  # Any: aiohttp's own
        super().__init__(handler, **settings)
        self._with_tls: set[web.RequestHandler] = set()

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if transport.get_extra_info("sslcontext") is not None:
            self._with_tls.add(handler)
        too_many = len(self._with_tls) > MAX_TLS_CONNECTIONS
        if too_many or len(self.connections) > MAX_CONNECTIONS:
            transport.abort()

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        self._with_tls.discard(handler)
        super().connection_lost(handler, exc)


async def _message(request: web.BaseRequest) -> Request:
    """The request as the API takes it; raises ApiError for a body that is too large or slow."""
    headers = tuple(request.headers.items())
    body = await read_body(request) if request.body_exists else b""
    return Request(request.method, request.raw_path, headers, body)


def _with_challenge(request: web.BaseRequest, response: Response) -> Response:
    """VMS and players send a password once they are asked for one (RFC 7617 §2). Pages are not to
    be asked: browsers would put up a window of their own."""
    is_api = request.raw_path.startswith("/v1/")
    has_token = bearer(request.headers.get("Authorization")) is not None
    if response.status != 401 or has_token or not is_api:
        return response
    challenge = ("WWW-Authenticate", 'Basic realm="Contera recorder", charset="UTF-8"')
    return replace(response, headers=(*response.headers, challenge))


async def _send(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    if isinstance(response.body, bytes):
        return _whole(response)
    answer = _StreamedAnswer(status=response.status, headers=_headers(response))
    if response.is_live:
        answer.enable_chunked_encoding()
    if request.transport is not None:
        prepare_for_body(request.transport, is_live=response.is_live)
    await answer.prepare(request)
    count = FragmentCount() if response.is_live else None
    try:
        async for chunk in response.body:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await answer.send(chunk if count is None else count.number(chunk))
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
