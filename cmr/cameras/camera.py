"""One camera: its profiles, how they are doing, and keeping them connected."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from cmr.backoff import Backoff
from cmr.cameras.source import Source, SourceError
from cmr.live import LiveStream, State, StreamState
from protocol.fragments import Segment

RETRY_BASE_S = 0.5
RETRY_CAP_S = 3.0  # recording again within 5 s of the camera's return (K1)
_LASTING_RETRY_S = (
    15.0  # a wrong password or codec is not mended by asking often; cameras lock accounts
)
_LASTING = (State.UNAUTHORIZED, State.NOT_FOUND, State.UNSUPPORTED_CODEC)

log = logging.getLogger(__name__)


class Recording(Protocol):
    """Where video is kept: `ArchiveWriter`."""

    def write(self, camera: int, profile: str, segment: Segment) -> None:
        """Record a segment soon; never blocks."""

    def note_outage(self, camera: int, reason: str) -> None:
        """Say why there is no video: the reason of the gap that follows."""


class Camera:
    """A camera with a stream per profile. `addresses` maps `hd` (always) and `sd` to URLs."""

    def __init__(
        self, number: int, name: str, addresses: Mapping[str, str], recording: Recording
    ) -> None:
        self.number = number
        self.name = name
        self.streams: Mapping[str, LiveStream] = {profile: LiveStream() for profile in addresses}
        self._keepers = [
            _Keeper(number, profile, address, self.streams[profile], recording)
            for profile, address in addresses.items()
        ]

    async def run(self) -> None:
        """Keep all profiles connected until cancelled; stops within 1 s."""
        async with asyncio.TaskGroup() as group:
            for keeper in self._keepers:
                group.create_task(keeper.run())

    def status(self) -> dict[str, Any]:
        """The camera object of the recorder API, without `recorded_from` and `recorded_to`."""
        states = {profile: stream.state for profile, stream in self.streams.items()}
        profile, main = _main_state(states)
        is_first = main is next(iter(states.values()))
        return {
            "number": self.number,
            "name": self.name,
            "state": main.state.value,
            "detail": main.detail if is_first else f"{profile.upper()}: {main.detail}",
            "profiles": {profile: _describe(state) for profile, state in states.items()},
        }


def _main_state(states: Mapping[str, StreamState]) -> tuple[str, StreamState]:
    """What to show for the camera: the first profile that is not well, else the first."""
    unwell = (item for item in states.items() if item[1].state is not State.STREAMING)
    return next(unwell, next(iter(states.items())))


def _describe(state: StreamState) -> dict[str, Any]:
    return {
        "state": state.state.value,
        "codec": state.codec,
        "width": state.width,
        "height": state.height,
        "fps": state.fps,
        "kbps": state.kbps,
    }


class _Keeper:
    """Keeps one profile of a camera connected."""

    def __init__(
        self, number: int, profile: str, address: str, stream: LiveStream, recording: Recording
    ) -> None:
        self._number = number
        self._profile = profile
        self._address = address
        self._stream = stream
        self._recording = recording
        self._end_90k = 0
        self._failures = 0
        self._backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S)

    async def run(self) -> None:
        await asyncio.sleep(self._backoff.next_wait_s())  # not all cameras in one moment
        while True:
            error = await self._play()
            self._report_failure(error)
            wait_s = self._backoff.next_wait_s()
            if error.state in _LASTING and self._failures > 3:
                wait_s += _LASTING_RETRY_S
            await asyncio.sleep(wait_s)

    async def _play(self) -> SourceError:
        """Read until the connection ends; says why it did."""
        label = f"camera {self._number}"
        source = Source(
            label,
            self._address,
            self._take,
            is_watched=lambda: self._stream.is_watched,
            not_before_90k=self._end_90k,
        )
        try:
            await source.run()
        except SourceError as error:
            self._end_90k = source.end_90k
            return error
        raise AssertionError("a source ends by an error only")

    def _take(self, segment: Segment) -> None:
        if self._stream.state_name is not State.STREAMING:
            self._report_success()
        self._stream.publish(segment)
        self._recording.write(self._number, self._profile, segment)

    def _report_success(self) -> None:
        if self._failures:
            attempts = f"{self._failures} failed attempt{'s' if self._failures > 1 else ''}"
            log.info("camera %d (%s) is back after %s", self._number, self._profile, attempts)
        self._failures = 0
        self._backoff.reset()
        self._stream.report(State.STREAMING, "streaming")

    def _report_failure(self, error: SourceError) -> None:
        self._failures += 1
        if self._stream.state_name is not error.state:
            log.warning("%s (%s)", error.detail, self._profile)
            self._recording.note_outage(self._number, outage_reason(error.state))
        self._stream.report(error.state, error.detail)


def outage_reason(state: State) -> str:
    """The reason of a gap, in the words of a timeline."""
    return {
        State.STALLED: "camera sent no video",
        State.UNAUTHORIZED: "camera refused the password",
        State.NOT_FOUND: "camera has no such stream",
        State.INVALID_STREAM: "camera sent no usable video",
        State.UNSUPPORTED_CODEC: "camera sends a codec that is not supported",
    }.get(state, "camera unreachable")
