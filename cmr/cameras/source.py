"""One connection to a camera: PyAV reads in a thread, segments come out on the event loop.

The thread makes the fragments too, so the event loop only moves finished bytes.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import av
import av.error

from cmr.live import State
from cmr.video.clock import Arrival
from cmr.video.fragmenter import Fragmenter, Packet
from cmr.video.h264 import H264Error
from protocol.fragments import Segment

OPEN_TIMEOUT_S = 8.0
SILENCE_TIMEOUT_S = 10.0  # the watchdog (K2): a connection without frames is no connection
# Frames that only the archive waits for are handed over together: waking the event loop costs more
# than making a fragment. A viewer who comes gets them with the next frame.
UNWATCHED_BATCH_S = 0.5
MAX_WAITING = 128  # segments on their way to the event loop: seconds of a stream, then frames go
_MAX_BAD_PACKETS = 150  # in a row: seconds of nothing that could be understood
_TICKS = 90_000
_RTSP = ("rtsp", "rtsps")

Deliver = Callable[[Segment], None]


class SourceError(Exception):
    """The connection could not be made, or ended. `detail` is a sentence without credentials."""

    def __init__(self, state: State, detail: str) -> None:
        super().__init__(detail)
        self.state = state
        self.detail = detail


class Source:
    """Reads one address once. `label` names it in sentences, e.g. `camera 4`."""

    def __init__(
        self,
        label: str,
        address: str,
        deliver: Deliver,
        *,
        is_watched: Callable[[], bool] = lambda: True,
        not_before_90k: int = 0,
    ) -> None:
        self._label = label
        self._address = address
        self._deliver = deliver
        self._is_watched = is_watched
        self._not_before_90k = not_before_90k
        self._handed_over_s = 0.0
        self._waiting: deque[Segment] = deque()
        self._loses_until_key = False
        self._is_stopped = threading.Event()
        self.lost_frames = 0
        self.end_90k = not_before_90k  # where the video delivered so far ends

    async def run(self) -> None:
        """Deliver segments until the connection ends; always raises SourceError (or is cancelled).

        When cancelled it returns at once; the thread notices with the next frame or its timeout.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[SourceError] = loop.create_future()
        # Not asyncio.to_thread: its pool is awaited at exit, and a resolver may hang.
        threading.Thread(
            target=self._work, args=(loop, ended), name=f"{self._label} source", daemon=True
        ).start()
        try:
            raise await ended
        except asyncio.CancelledError:
            self._drain()
            raise
        finally:
            self._is_stopped.set()

    def _work(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[SourceError]) -> None:
        try:
            self._read(loop)
            error = SourceError(State.UNREACHABLE, f"{self._label} ended the stream")
        except SourceError as exception:
            error = exception
        except H264Error as exception:
            error = SourceError(
                State.INVALID_STREAM, f"{self._label} sends broken H.264: {exception}"
            )
        except (av.error.FFmpegError, OSError, ValueError) as exception:
            error = _explain(self._label, exception, self._address)
        except BaseException as bug:
            failure = bug  # a bug must end the program loudly, not leave a camera waiting for ever
            _call(loop, lambda: None if ended.done() else ended.set_exception(failure))
            raise
        _call(loop, self._drain)
        _call(loop, lambda: None if ended.done() else ended.set_result(error))

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        with av.open(
            self._address,
            options=_options(self._address),
            timeout=(OPEN_TIMEOUT_S, SILENCE_TIMEOUT_S),
        ) as container:
            stream = _video_of(self._label, container)
            fragmenter = Fragmenter(stream.codec_context.extradata or b"", self._not_before_90k)
            receiver = _Receiver(urlsplit(self._address).scheme in _RTSP)
            bad = 0
            for packet in container.demux(stream):
                if self._is_stopped.is_set():
                    return
                segments = (
                    fragmenter.push(received) if (received := receiver.receive(packet)) else []
                )
                bad = 0 if segments else bad + 1
                if bad > _MAX_BAD_PACKETS:
                    raise SourceError(
                        State.INVALID_STREAM, f"{self._label} sends no picture that can be used"
                    )
                self.end_90k = fragmenter.end_90k
                self._hand_over(loop, segments)

    def _hand_over(self, loop: asyncio.AbstractEventLoop, segments: list[Segment]) -> None:
        for segment in segments:
            if len(self._waiting) >= MAX_WAITING:
                self._loses_until_key = True
            if self._loses_until_key and not segment.is_init:
                if not segment.is_key or len(self._waiting) >= MAX_WAITING:
                    self.lost_frames += 1
                    continue
                self._loses_until_key = False
            self._waiting.append(segment)
        if segments and self._is_due(segments):
            _call(loop, self._drain)

    def _is_due(self, segments: list[Segment]) -> bool:
        now = time.monotonic()
        is_late = now - self._handed_over_s >= UNWATCHED_BATCH_S
        if not (is_late or segments[0].is_init or self._is_watched()):
            return False
        self._handed_over_s = now
        return True

    def _drain(self) -> None:
        while self._waiting and not self._is_stopped.is_set():
            self._deliver(self._waiting.popleft())


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Run on the loop, unless the program ended meanwhile."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return


def _options(address: str) -> dict[str, str]:
    """FFmpeg's options: little probing, no buffering, and only the protocols the address needs."""
    scheme = urlsplit(address).scheme
    common = {
        "fflags": "nobuffer",
        "probesize": "500000",
        "analyzeduration": "500000",
        "fpsprobesize": "0",  # the frame rate is in the timestamps
    }
    timeout_us = str(int(SILENCE_TIMEOUT_S * 1_000_000))
    if scheme in _RTSP:
        return {
            **common,
            "rtsp_transport": "tcp",
            "allowed_media_types": "video",
            "timeout": timeout_us,
            "protocol_whitelist": "rtsp,rtp,tcp,tls",
        }
    return {**common, "rw_timeout": timeout_us, "protocol_whitelist": "http,https,tls,tcp"}


def _video_of(label: str, container: av.container.InputContainer) -> av.VideoStream:
    if not container.streams.video:
        raise SourceError(State.INVALID_STREAM, f"{label} sends no video")
    stream = container.streams.video[0]
    codec = stream.codec_context.name
    if codec != "h264":
        name = {"hevc": "H.265 (hevc)", "mjpeg": "Motion JPEG (mjpeg)"}.get(codec, codec)
        raise SourceError(
            State.UNSUPPORTED_CODEC,
            f"{label} sends {name}, which this recorder cannot show yet; set the camera to H.264",
        )
    return stream


class _Receiver:
    """Packets of PyAV as the fragmenter takes them, with the time at which they came.

    FFmpeg finds the end of an RTSP camera's frame when the next one begins (`has_lookahead`): the
    frame came one frame earlier. The smallest recent step between two frames is taken for that.
    """

    def __init__(self, has_lookahead: bool) -> None:
        self._has_lookahead = has_lookahead
        self._steps: deque[int] = deque(maxlen=16)
        self._last_90k: int | None = None

    def receive(self, packet: av.Packet[av.VideoStream]) -> Packet | None:
        """None when it holds no frame, or one without a time."""
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None or not packet.size:
            return None
        base = packet.time_base
        pts_90k = pts * _TICKS * base.numerator // base.denominator
        since = self._since_it_came(pts_90k) if self._has_lookahead else 0
        wall, steady = time.time_ns() * 9 // 100_000, time.monotonic_ns() * 9 // 100_000
        arrival = Arrival(wall - since, steady - since)
        return Packet(bytes(packet), pts_90k, packet.is_keyframe, arrival)

    def _since_it_came(self, pts_90k: int) -> int:
        step = pts_90k - (self._last_90k or 0)
        if self._last_90k is not None and 0 < step <= _TICKS:
            self._steps.append(step)
        self._last_90k = pts_90k
        return min(self._steps, default=0)


def _unknown_host(address: str) -> str | None:
    """The host's name when it has no address: FFmpeg says EIO to that, as to much else."""
    host = urlsplit(address).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return host
    return None


# What FFmpeg's errors mean to the person who set up the camera.
_REASONS: dict[int, tuple[State, str]] = {
    errno.ECONNREFUSED: (State.UNREACHABLE, "refuses the connection; is the port right?"),
    errno.EHOSTUNREACH: (State.UNREACHABLE, "cannot be reached: no route to its address"),
    errno.ENETUNREACH: (State.UNREACHABLE, "cannot be reached: no route to its network"),
    errno.ECONNRESET: (State.UNREACHABLE, "closed the connection"),
    errno.EPIPE: (State.UNREACHABLE, "closed the connection"),
    errno.ETIMEDOUT: (State.UNREACHABLE, "does not answer"),
    errno.EIO: (
        State.UNREACHABLE,
        "lost the connection",
    ),
}


def _explain(label: str, error: Any, address: str) -> SourceError:
    """A state and a sentence for an error of PyAV (Any: it raises ValueError and OSError too)."""
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return SourceError(State.UNAUTHORIZED, f"{label} refuses the user name or password")
        case av.error.HTTPNotFoundError():
            return SourceError(State.NOT_FOUND, f"{label} has no stream at this address (404)")
        case av.error.ExitError():
            return SourceError(State.STALLED, f"{label} sent nothing for {SILENCE_TIMEOUT_S:.0f} s")
        case OSError() if error.errno == errno.EIO and (host := _unknown_host(address)):
            words = f"cannot be reached: the name {host} is unknown"
            return SourceError(State.UNREACHABLE, f"{label} {words}")
        case OSError() if error.errno in _REASONS:
            state, words = _REASONS[error.errno]
            return SourceError(state, f"{label} {words}")
        case _:
            kind = type(error).__name__
            return SourceError(
                State.INVALID_STREAM, f"{label} sends nothing that is video ({kind})"
            )
