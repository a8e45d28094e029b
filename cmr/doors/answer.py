"""One answer on its way to the relay: a response message in the chunked body of a POST."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from cmr.api.message import Response
from cmr.doors.sockets import prepare_for_body
from protocol.http_message import ResponseHead, format_response_head, header

WRITE_TIMEOUT_S = 20.0  # a line that moves nothing for so long is dead
ANSWER_TIMEOUT_S = 10.0  # from the last byte to the relay's word that it has them

log = logging.getLogger(__name__)


class Answer(Payload):
    """Writes head and body as they come; `stalled` tells when the line moves nothing.

    aiohttp's own payload for iterators lets 64 KiB wait per connection before it looks whether the
    line is slow; on 100 kbps those are five seconds of video that can no longer be dropped (R6).
    """

    _autoclose = True

    def __init__(self, response: Response) -> None:
        super().__init__(response, content_type="message/http")
        self._response = response
        self._watch: asyncio.Timeout | None = None

    def watch(self, timeout: asyncio.Timeout) -> None:
        """The timeout to move along while bytes flow."""
        self._watch = timeout

    async def write(self, writer: AbstractStreamWriter) -> None:
        """All of the message, each chunk handed on before the next is taken."""
        transport = writer.transport
        if transport is not None:
            prepare_for_body(transport, is_live=self._response.is_live)
        async with contextlib.aclosing(message_chunks(self._response)) as chunks:
            async for chunk in chunks:
                await self._send(writer, chunk)
        self._reschedule(ANSWER_TIMEOUT_S)

    async def _send(self, writer: AbstractStreamWriter, chunk: bytes) -> None:
        self._reschedule(WRITE_TIMEOUT_S)
        await writer.write(chunk)
        await writer.drain()
        self._reschedule(None)

    def _reschedule(self, after_s: float | None) -> None:
        if self._watch is not None and not self._watch.expired():
            now = asyncio.get_running_loop().time()
            self._watch.reschedule(None if after_s is None else now + after_s)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("an answer is not text")


async def answer_to(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], answer: Answer
) -> int:
    """POSTs the answer; the relay's status, which may come before the body has ended.

    Raises TimeoutError when the line moves nothing, aiohttp.ClientError when it breaks.
    """
    async with asyncio.timeout(None) as timeout:
        answer.watch(timeout)
        async with session.post(url, headers=headers, data=answer, allow_redirects=False) as said:
            if said.status != 204:
                said.close()  # it does not want the rest
            return said.status
    raise TimeoutError  # unreachable; tells the type checker that timeouts raise


async def message_chunks(response: Response) -> AsyncGenerator[bytes, None]:
    """The bytes of a response message as they come, the head first; no chunk is empty."""
    yield message_head(response)
    body = response.body
    if isinstance(body, bytes):
        if body:
            yield body
        return
    try:
        async for chunk in body:
            if chunk:
                yield chunk
    except OSError:
        raise  # the disk (`BrokenBody`, logged where it happened)
    except Exception as error:
        log.exception("an answer failed")  # our bug, but other answers go on
        raise ConnectionAbortedError("the answer failed") from error


def message_head(response: Response) -> bytes:
    """Status line and headers; a whole body announces its length."""
    headers = response.headers
    body = response.body
    if isinstance(body, bytes) and body and header(headers, "content-length") is None:
        headers = (*headers, ("Content-Length", str(len(body))))
    return format_response_head(ResponseHead(response.status, headers))
