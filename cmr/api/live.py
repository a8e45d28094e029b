"""Live video: a stream lasts as long as the token that sustains it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from cmr.api.access_changes import Holders
from cmr.api.message import ApiError, Response
from cmr.live import CameraUnavailable, LiveStream, Subscription, TooManyReaders
from protocol.tokens import AccessToken

MAX_OPEN_STREAMS = 256  # 16 cameras with two profiles for eight people at the site
_ID_BYTES = 16


class OpenStreams:
    """The live streams that are being sent, by id."""

    def __init__(self) -> None:
        self._streams: dict[str, SustainedStream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    async def open(
        self, camera: int, stream: LiveStream, lasts_s: float, since_90k: int | None = None
    ) -> Response:
        """The answer to a live request, from the group of pictures that holds `since_90k` on if it
        is kept; raises ApiError 503 when there is no video."""
        if len(self._streams) >= MAX_OPEN_STREAMS:
            raise ApiError(503, "too_many_readers", "this recorder has all the viewers it can have")
        async with AsyncExitStack() as stack:
            subscription = await _subscribe(stack, camera, stream, since_90k)
            stream_id = secrets.token_hex(_ID_BYTES)
            content_type = f'video/mp4; codecs="{subscription.codec}"'
            stack.callback(self._streams.pop, stream_id, None)
            body = SustainedStream(camera, subscription, lasts_s, stack.pop_all())
            self._streams[stream_id] = body
        headers = (("Content-Type", content_type), ("Contera-Stream", stream_id))
        return Response(200, headers, body, is_live=True)

    def all(self) -> list[SustainedStream]:
        return list(self._streams.values())

    def find(self, stream_id: str) -> SustainedStream:
        """Raises ApiError 404 when the stream has ended or never was."""
        try:
            return self._streams[stream_id]
        except KeyError:
            raise ApiError(404, "stream_not_found", "this stream is not being sent") from None


class SustainedStream:
    """The segments of one live answer, until the sustaining token expires."""

    def __init__(
        self, camera: int, subscription: Subscription, lasts_s: float, stack: AsyncExitStack
    ) -> None:
        self.camera = camera
        self._segments = subscription.segments()
        self._subscription = subscription
        self._stack = stack
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + lasts_s
        self._waiting: asyncio.Timeout | None = None
        self._token: AccessToken | None = None

    @property
    def dropped_frames(self) -> int:
        """Frames its reader lost because it was slow."""
        return self._subscription.dropped_frames

    @property
    def lasts_s(self) -> float:
        """Seconds until it ends, unless it is renewed."""
        return self._deadline - self._loop.time()

    @property
    def user_id(self) -> str | None:
        """Whose token sustains it, once it is held."""
        return None if self._token is None else self._token.user_id

    def hold(self, holders: Holders, token: AccessToken) -> None:
        """From now on it ends when the rights of the token's person change."""
        self._token = token
        holders.keep(self)
        self._stack.callback(holders.release, self)

    def when_closed(self, callback: Callable[[], None]) -> None:
        """Called once, when nobody gets any more of it."""
        self._stack.callback(callback)

    def access_changed(self, at: float) -> None:
        if self._token is not None and self._token.issued_at <= at:
            self._end_at(self._loop.time())

    def renew(self, lasts_s: float, token: AccessToken | None = None) -> None:
        """Another token sustains the stream for `lasts_s` from now; never shortens it."""
        if self._token is not None and token is not None:
            self._token = token
        self._end_at(max(self._deadline, self._loop.time() + lasts_s))

    def _end_at(self, deadline: float) -> None:
        self._deadline = deadline
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(deadline)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._loop.time() >= self._deadline:
            raise StopAsyncIteration
        try:
            async with asyncio.timeout_at(self._deadline) as self._waiting:
                return await anext(self._segments)
        except TimeoutError:
            raise StopAsyncIteration from None
        finally:
            self._waiting = None

    async def aclose(self) -> None:
        await self._stack.aclose()


async def _subscribe(
    stack: AsyncExitStack, camera: int, stream: LiveStream, since_90k: int | None
) -> Subscription:
    try:
        return await stack.enter_async_context(stream.subscribe(since_90k))
    except CameraUnavailable as error:
        raise unavailable(camera, error) from None
    except TooManyReaders:
        fact = f"camera {camera} has all the viewers it can have"
        raise ApiError(503, "too_many_readers", fact) from None


def unavailable(camera: int, error: CameraUnavailable) -> ApiError:
    """503: no video now, with the camera's state."""
    name = f"camera {camera}"
    fact = error.detail if error.detail.startswith(f"{name} ") else f"{name}: {error.detail}"
    return ApiError(503, "camera_unavailable", fact, state=error.state)
