"""Live video of one camera profile, handed to however many readers there are.

A reader gets the initialisation segment and the current group of pictures at once (or begins with
an earlier group, when it comes from another path), then each fragment as it comes. A slow reader
loses frames up to the next key frame and slows nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from cmr.picture import Picture
from cmr.video.boxes import VideoFormat, read_format
from protocol.fragments import Segment

MAX_SUBSCRIBERS = 64  # the relay pulls each stream once; the rest are people at the site
FIRST_VIDEO_WAIT_S = 5.0  # a reader who asks while the camera reconnects waits this long
SILENCE_S = 10.0  # a reader without a fragment for so long is let go: asking again tells it why
MAX_QUEUE_S = 2.0  # older than this, live is no longer live
MAX_QUEUE_BYTES = 4 * 1024 * 1024
_RATE_WINDOW_S = 5.0

Clock = Callable[[], float]


class State(StrEnum):
    """How a stream is doing; the values are those of the recorder API."""

    CONNECTING = "connecting"
    STREAMING = "streaming"
    STALLED = "stalled"
    UNAUTHORIZED = "unauthorized"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not_found"
    INVALID_STREAM = "invalid_stream"
    UNSUPPORTED_CODEC = "unsupported_codec"


@dataclass(frozen=True)
class StreamState:
    """A stream at one moment. `detail` is a sentence for people, without credentials."""

    state: State
    detail: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    kbps: int | None = None


class CameraUnavailable(Exception):
    """There is no video of this stream now."""

    def __init__(self, state: State, detail: str) -> None:
        super().__init__(detail)
        self.state = state
        self.detail = detail


class TooManyReaders(Exception):
    """The stream has MAX_SUBSCRIBERS readers already."""


class FrameQueue:
    """Fragments that wait for one reader; bounded by age and size.

    Full means: what waits is dropped, and so is what comes until the next key frame.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[tuple[float, Segment]] = deque()
        self._bytes = 0  # without the group a joiner starts with, which is bounded itself
        self._uncounted = 0
        self._init: Segment | None = None  # the initialisation segment the reader has, or will have
        self._awaits_key = True
        self.dropped_frames = 0

    def prime(self, init: Segment, group: list[Segment]) -> None:
        """Put in what a joiner starts with."""
        for segment in group:
            self.offer(init, segment)
        self._uncounted, self._bytes = len(self._waiting), 0

    def offer(self, init: Segment, fragment: Segment) -> None:
        """Put a fragment of the run that `init` began in, or drop it."""
        if self._is_overdue():
            self._drop()
        if fragment.is_key:
            self._awaits_key = False
            if init is not self._init:
                self._init = init
                self._put(init)
        if not self._awaits_key:
            self._put(fragment)
        elif self._init is not None or self.dropped_frames:
            self.dropped_frames += 1

    def take(self) -> bytes | None:
        """The next segment, or None when nothing waits."""
        if not self._waiting:
            return None
        _, segment = self._waiting.popleft()
        if self._uncounted:
            self._uncounted -= 1
        else:
            self._bytes -= len(segment.data)
        return segment.data

    def _put(self, segment: Segment) -> None:
        self._waiting.append((self._clock(), segment))
        self._bytes += len(segment.data)

    def _is_overdue(self) -> bool:
        if not self._waiting:
            return False
        return self._bytes > MAX_QUEUE_BYTES or self._clock() - self._waiting[0][0] > MAX_QUEUE_S

    def _drop(self) -> None:
        lost_init = any(segment.is_init for _, segment in self._waiting)
        self.dropped_frames += sum(not segment.is_init for _, segment in self._waiting)
        self._waiting.clear()
        self._bytes = self._uncounted = 0
        self._awaits_key = True
        if lost_init:
            self._init = None


class Subscription:
    """One reader of a live stream. Made by `LiveStream.subscribe`."""

    def __init__(self, stream: LiveStream, clock: Clock) -> None:
        self._stream = stream
        self._queue = FrameQueue(clock)
        self._ready = asyncio.Event()

    @property
    def codec(self) -> str:
        """The RFC 6381 string of the current run, e.g. `avc1.64001f`."""
        return self._stream.video_format.codec

    @property
    def dropped_frames(self) -> int:
        """Frames this reader lost because it was slow."""
        return self._queue.dropped_frames

    async def segments(self) -> AsyncIterator[bytes]:
        """Segments as they come; an initialisation segment begins each run.

        Ends when nothing came for SILENCE_S: the camera is gone, and asking again tells why.
        """
        while True:
            data = self._queue.take()
            if data is not None:
                yield data
                continue
            self._ready.clear()
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._ready.wait()
            except TimeoutError:
                return

    def prime(self, init: Segment, group: list[Segment]) -> None:
        """Start with the pictures of `group`."""
        self._queue.prime(init, group)

    def offer(self, init: Segment, fragment: Segment) -> None:
        """Hand a fragment to the reader."""
        self._queue.offer(init, fragment)
        self._ready.set()


class LiveStream:
    """Fan-out of one camera profile; lives as long as the recorder. Belongs to the event loop."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._subscriptions: set[Subscription] = set()
        self._report = StreamState(State.CONNECTING, "connecting")
        self._init: Segment | None = None
        self._format: VideoFormat | None = None
        self._picture = Picture()
        self._rate: deque[tuple[float, int]] = deque()
        self._first_video = asyncio.Event()

    @property
    def state(self) -> StreamState:
        """How the stream is doing now."""
        report, shape = self._report, self._format
        if report.state is not State.STREAMING or shape is None:
            return report
        fps, kbps = self._measure()
        return StreamState(
            report.state, report.detail, shape.codec, shape.width, shape.height, fps, kbps
        )

    @property
    def state_name(self) -> State:
        """The state alone, which costs nothing to ask."""
        return self._report.state

    @property
    def video_format(self) -> VideoFormat:
        """Codec and size of the current run. Raises CameraUnavailable before the first one."""
        if self._format is None:
            raise CameraUnavailable(self._report.state, self._report.detail)
        return self._format

    @asynccontextmanager
    async def subscribe(self, since_90k: int | None = None) -> AsyncIterator[Subscription]:
        """Read along, from the group of pictures that holds `since_90k` on if it is kept. Raises
        CameraUnavailable (no video within 5 s) or TooManyReaders."""
        if len(self._subscriptions) >= MAX_SUBSCRIBERS:
            raise TooManyReaders
        await self._wait_for_video()
        subscription = Subscription(self, self._clock)
        if self._init is not None:
            subscription.prime(self._init, self._picture.fragments(since_90k))
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def _wait_for_video(self) -> None:
        try:
            async with asyncio.timeout(FIRST_VIDEO_WAIT_S):
                await self._first_video.wait()
        except TimeoutError:
            raise CameraUnavailable(self._report.state, self._report.detail) from None

    @property
    def is_watched(self) -> bool:
        """Whether anybody waits for the next frame."""
        return bool(self._subscriptions)

    def publish(self, segment: Segment) -> None:
        """A segment of the camera: an initialisation segment, or a fragment of its run."""
        if segment.is_init:
            self._start_run(segment)
        elif self._init is not None:
            self._rate.append((self._clock(), len(segment.data)))
            self._keep(segment)
            self._first_video.set()
            for subscription in self._subscriptions:
                subscription.offer(self._init, segment)

    def report(self, state: State, detail: str) -> None:
        """Say how the camera is doing. Anything but streaming forgets the current picture."""
        self._report = StreamState(state, detail)
        if state is not State.STREAMING:
            self._init = None
            self._picture.clear()
            self._rate.clear()
            self._first_video.clear()

    def _start_run(self, init: Segment) -> None:
        self._init = init
        self._format = read_format(init.data)
        self._picture.clear()

    def _keep(self, fragment: Segment) -> None:
        self._picture.add(fragment)
        while self._rate[0][0] < self._rate[-1][0] - _RATE_WINDOW_S:
            self._rate.popleft()

    def _measure(self) -> tuple[float | None, int | None]:
        if len(self._rate) < 2:
            return None, None
        elapsed = max(self._clock(), self._rate[-1][0]) - self._rate[0][0]
        if elapsed <= 0:
            return None, None
        frames = len(self._rate) - 1
        size = sum(size for _, size in self._rate) - self._rate[0][1]
        return round(frames / elapsed, 1), round(size * 8 / elapsed / 1000)
