"""Recorded video: what there is, pieces of it, and clips."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator

from cmr.api.byte_range import Unsatisfiable, wanted_bytes
from cmr.api.message import ApiError, Response, exact_time, json_response
from cmr.api.parameters import Parameters
from cmr.archive.footage import CameraFootage, NotGranted
from cmr.archive.reader import Clip, Piece
from protocol.http_message import Headers, Request

MAX_LIST_S = 31 * 24 * 3600
MAX_CLIP_S = 24 * 3600
MAX_PIECE_S = 60

log = logging.getLogger(__name__)


async def recordings(footage: CameraFootage, parameters: Parameters) -> Response:
    """Runs and gaps in a range of at most 31 days."""
    start, end = parameters.range_90k(MAX_LIST_S, "31 days")
    runs = await asyncio.to_thread(footage.runs, start, end)
    gaps = await asyncio.to_thread(footage.gaps, start, end)
    return json_response(
        {
            "runs": [
                {**_times(run.start_90k, run.end_90k), "profiles": list(run.profiles)}
                for run in runs
            ],
            "gaps": [{**_times(gap.start_90k, gap.end_90k), "reason": gap.reason} for gap in gaps],
        }
    )


async def video(footage: CameraFootage, parameters: Parameters) -> Response:
    """A finite piece of fragments with true decode times."""
    start = parameters.time_90k("start")
    end = start + int(parameters.number("duration", 1, MAX_PIECE_S) * 90_000)
    profile = parameters.profile()
    try:
        piece = await asyncio.to_thread(footage.piece, profile, start, end)
    except NotGranted:
        raise await footage_not_granted(footage, profile, start) from None
    if piece is None:
        raise await no_recording(footage, profile, start)
    headers = (*_common(piece), ("Content-Length", str(piece.size_bytes)))
    if piece.next_90k is not None:
        headers = (*headers, ("Contera-Next", exact_time(piece.next_90k)))
    return Response(200, headers, BlockingBody(piece.read(), piece.close))


async def clip(footage: CameraFootage, parameters: Parameters, request: Request) -> Response:
    """A file for any player, whole or in ranges."""
    start, end = parameters.range_90k(MAX_CLIP_S, "24 hours")
    profile = parameters.profile()
    try:
        found = await asyncio.to_thread(footage.clip, profile, start, end)
    except NotGranted:
        raise await footage_not_granted(footage, profile, start) from None
    if found is None:
        raise await no_recording(footage, profile, start)
    try:
        range_, if_range = request.header("Range"), request.header("If-Range")
        wanted = wanted_bytes(range_, if_range, found.etag, found.size_bytes)
    except Unsatisfiable:
        await asyncio.to_thread(found.close)
        raise _unsatisfiable(found.size_bytes) from None
    return _clip_response(found, wanted)


async def no_recording(footage: CameraFootage, profile: str, at_90k: int) -> ApiError:
    """404 that says where the next recorded video begins, if there is any."""
    fact = f"camera {footage.camera} has no {profile} recording there"
    next_time = await _next_time(footage, profile, at_90k)
    return ApiError(404, "no_recording", fact, next=next_time)


async def footage_not_granted(footage: CameraFootage, profile: str, at_90k: int) -> ApiError:
    """403 that says where the next recorded video begins that may be had, if there is any."""
    fact = f"this token does not cover that time of camera {footage.camera}"
    next_time = await _next_time(footage, profile, at_90k)
    return ApiError(403, "footage_not_granted", fact, next=next_time)


async def _next_time(footage: CameraFootage, profile: str, at_90k: int) -> str | None:
    next_90k = await asyncio.to_thread(footage.next_start, profile, at_90k)
    return None if next_90k is None else exact_time(next_90k)


def _clip_response(found: Clip, wanted: tuple[int, int] | None) -> Response:
    first, last = wanted or (0, found.size_bytes - 1)
    headers: Headers = (
        *_common(found),
        ("Contera-Gaps", str(found.gap_count)),
        ("Accept-Ranges", "bytes"),
        ("ETag", found.etag),
        ("Content-Length", str(last - first + 1)),
    )
    if wanted is not None:
        headers = (*headers, ("Content-Range", f"bytes {first}-{last}/{found.size_bytes}"))
    body = BlockingBody(found.read(first, last), found.close)
    return Response(200 if wanted is None else 206, headers, body)


def _unsatisfiable(size: int) -> ApiError:
    fact = f"the range lies outside the {size} bytes of the clip"
    return ApiError(416, "bad_range", fact, headers=(("Content-Range", f"bytes */{size}"),))


def _common(part: Piece | Clip) -> Headers:
    return (
        ("Content-Type", f'video/mp4; codecs="{part.codec}"'),
        ("Contera-Start", exact_time(part.start_90k)),
        ("Contera-End", exact_time(part.end_90k)),
    )


def _times(start_90k: int, end_90k: int) -> dict[str, str]:
    return {"start": exact_time(start_90k), "end": exact_time(end_90k)}


class BrokenBody(OSError):
    """A body ended early because the disk failed; its reader must see that it is not whole."""


class BlockingBody:
    """A body read from disk: each chunk is fetched in a thread, one at a time."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None]) -> None:
        self._chunks = chunks
        self._close = close
        self._reading: asyncio.Future[bytes | None] | None = None
        self._is_closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._reading = asyncio.ensure_future(asyncio.to_thread(next, self._chunks, None))
        try:
            # Shielded: a thread cannot be cancelled, and the iterator is busy until it returns.
            chunk = await asyncio.shield(self._reading)
        except OSError as error:
            log.warning("archive: a recording cannot be read: %s", error)
            raise BrokenBody(error.errno, "the recording cannot be read") from None
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._reading is not None:
            await asyncio.wait([self._reading])
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        finish = getattr(self._chunks, "close", None)  # a generator releases its files then
        if finish is not None:
            finish()
        self._close()
