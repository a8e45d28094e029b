"""Answers in bounded POSTs, where a filter lets nothing else through (L13).

Each part waits for the relay's word on the one before. Live video is taken from its queue only when
a part can go: what is too old by then was dropped there, up to a key frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

from cmr.api.message import Response
from cmr.doors.answer import message_chunks
from protocol.http_message import UNTYPED

PART_BYTES = 256 * 1024
EVERY_S = 0.1  # live frames travel together for so long: ten requests a second, not thirty
QUIET_S = 1.0  # then an empty part asks whether anybody still watches
READ_S = 0.05  # for the disk to bring the next piece of a file
PART_TIMEOUT_S = 45.0  # the relay holds its word back for 30 s while the viewer is slow
_TAKEN = 204


async def answer_in_parts(
    session: aiohttp.ClientSession,
    url: str,
    headers: Callable[[], Mapping[str, str]],
    response: Response,
) -> int:
    """Sends an answer to the exchange at `url`; 204, or the status that ended it early.

    `headers` gives the newest pass. Raises TimeoutError, OSError and aiohttp.ClientError.
    """
    gatherer = Gatherer(response)
    try:
        number, is_last = 0, False
        while not is_last:
            data, is_last = await gatherer.gather()
            part = f"{url}/parts/{number}{'?last' if is_last else ''}"
            status = await _post(session, part, headers(), data)
            if status != _TAKEN:
                return status
            number += 1
        return _TAKEN
    finally:
        await gatherer.aclose()


async def _post(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], data: bytes
) -> int:
    """Once more when the connection broke: the relay takes a repetition for what it is."""
    try:
        return await _post_once(session, url, headers, data)
    except (aiohttp.ClientConnectionError, ConnectionError):
        return await _post_once(session, url, headers, data)


async def _post_once(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], data: bytes
) -> int:
    typed = {**headers, "Content-Type": UNTYPED}
    async with (
        asyncio.timeout(PART_TIMEOUT_S),
        session.post(url, headers=typed, data=data, allow_redirects=False) as answer,
    ):
        return answer.status


class Gatherer:
    """Makes parts of a message's chunks."""

    def __init__(self, response: Response) -> None:
        self._chunks = message_chunks(response)
        self._is_live = response.is_live
        self._is_over = False
        self._rest = b""  # of a chunk that was larger than a part
        self._pending: asyncio.Task[bytes | None] | None = None  # reads the next chunk
        self._next_at = 0.0

    async def gather(self) -> tuple[bytes, bool]:
        """The next part, and whether it is the last. Empty when nothing came for QUIET_S."""
        part = self._rest or await self._chunk(QUIET_S)
        if part is None:
            return b"", self._is_over
        loop = asyncio.get_running_loop()
        if self._is_live:
            await asyncio.sleep(self._next_at - loop.time())
            self._next_at = loop.time() + EVERY_S
        parts, size = [part], len(part)
        while size < PART_BYTES and (chunk := await self._chunk(0 if self._is_live else READ_S)):
            parts.append(chunk)
            size += len(chunk)
        data = b"".join(parts)
        self._rest = data[PART_BYTES:]
        return data[:PART_BYTES], self._is_over and not self._rest

    async def aclose(self) -> None:
        """Stops reading the answer."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])
        await self._chunks.aclose()

    async def _chunk(self, within_s: float) -> bytes | None:
        """The next chunk; None when none came in time or there are no more."""
        if self._is_over:
            return None
        if self._pending is None:
            self._pending = asyncio.create_task(self._read())
        await asyncio.wait([self._pending], timeout=within_s)
        if not self._pending.done():
            return None
        chunk = self._pending.result()
        self._pending = None
        self._is_over = chunk is None
        return chunk

    async def _read(self) -> bytes | None:
        return await anext(self._chunks, None)
