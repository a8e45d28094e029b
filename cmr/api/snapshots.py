"""Pictures: one key frame, decoded and made a JPEG in a thread."""

from __future__ import annotations

import asyncio
import io
from contextlib import aclosing
from typing import Any

import av
import av.error
from PIL import Image

from cmr.api.live import OpenStreams
from cmr.api.message import ApiError, Response
from cmr.api.parameters import Parameters
from cmr.api.playback import footage_not_granted, no_recording
from cmr.archive.footage import CameraFootage, NotGranted
from cmr.archive.reader import KeyFrame
from cmr.cameras.camera import Camera
from protocol.errors import ProtocolError

MIN_WIDTH, MAX_WIDTH = 64, 1920
SMALL_WIDTH = 640  # up to here the sd profile is good enough, and much less work to decode
MAX_AT_ONCE = 2  # decoding takes a core for some 20 ms, and recording comes first
MAX_WAIT_S = 5.0
MAX_PIXELS = 8192 * 8192  # beyond it a hostile camera would make us allocate gigabytes
LIVE_PICTURE_S = 10.0
JPEG_QUALITY = 80


class Snapshots:
    """Makes at most MAX_AT_ONCE pictures at a time; others wait for a moment."""

    def __init__(self, streams: OpenStreams) -> None:
        self._streams = streams
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    async def snapshot(
        self, camera: Camera, footage: CameraFootage, parameters: Parameters
    ) -> Response:
        """The recorded picture at `time`, or the live one without."""
        width = _width(parameters)
        is_small = width is not None and width <= SMALL_WIDTH
        profiles = sorted(camera.streams, reverse=is_small)  # hd before sd, or the other way
        if "time" in parameters:
            at_90k = parameters.time_90k("time")
            source = await self._recorded(footage, profiles, at_90k)
        else:
            source = await self._live(camera, profiles[0])
        return await self._picture(camera.number, source, width)

    async def _recorded(self, footage: CameraFootage, profiles: list[str], at_90k: int) -> bytes:
        try:
            for profile in profiles:
                found: KeyFrame | None = await asyncio.to_thread(footage.key_frame, profile, at_90k)
                if found is not None:
                    return found.init + found.fragment
        except NotGranted:
            raise await footage_not_granted(footage, profiles[0], at_90k) from None
        raise await no_recording(footage, profiles[0], at_90k)

    async def _live(self, camera: Camera, profile: str) -> bytes:
        """The initialisation segment and the key frame of the current group of pictures."""
        live = await self._streams.open(camera.number, camera.streams[profile], LIVE_PICTURE_S)
        async with aclosing(live):
            segments = []
            async for segment in live.body:  # type: ignore[union-attr]  # live is never bytes
                segments.append(segment)
                if len(segments) == 2:
                    return b"".join(segments)
        fact = f"camera {camera.number} sent no picture within {LIVE_PICTURE_S:g} s"
        raise ApiError(503, "camera_unavailable", fact, state="stalled")

    async def _picture(self, number: int, source: bytes, width: int | None) -> Response:
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await self._slots.acquire()
        except TimeoutError:
            raise ApiError(503, "busy", "too many pictures are asked for; try again") from None
        try:
            jpeg = await asyncio.to_thread(make_jpeg, source, width)
        except ProtocolError as error:
            fact = f"camera {number}: {error}"
            raise ApiError(503, "camera_unavailable", fact, state="invalid_stream") from None
        finally:
            self._slots.release()
        headers = (("Content-Type", "image/jpeg"), ("Content-Length", str(len(jpeg))))
        return Response(200, headers, jpeg)


def make_jpeg(source: bytes, width: int | None) -> bytes:
    """The first frame of an MP4 file as a JPEG, made smaller to `width` if it is larger. Blocks.

    Raises ProtocolError `bad_picture`.
    """
    try:
        with av.open(io.BytesIO(source), "r", format="mp4") as container:
            context = container.streams.video[0].codec_context
            if context.width * context.height > MAX_PIXELS:
                raise ProtocolError("bad_picture", f"{context.width}x{context.height} is too large")
            frame = next(container.decode(video=0))
            image: Image.Image = frame.to_image(  # type: ignore[no-untyped-call]  # PyAV has none
                **_size(frame.width, frame.height, width)
            )
    except (av.error.FFmpegError, StopIteration, IndexError):
        raise ProtocolError("bad_picture", "the key frame cannot be decoded") from None
    target = io.BytesIO()
    image.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _size(width: int, height: int, wanted: int | None) -> dict[str, Any]:  # Any: PyAV's options
    new_width = min(width, wanted or MAX_WIDTH)
    return {"width": new_width, "height": max(1, round(height * new_width / width))}


def _width(parameters: Parameters) -> int | None:
    if "width" not in parameters:
        return None
    return parameters.whole_number("width", MIN_WIDTH, MAX_WIDTH)
