"""How recorders and cameras are, in words. Pure.

A level is the colour of the dot beside the words: good, warn, bad, busy, or "" for none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recorders.models import Camera

CLOCK_GOOD_S = 2  # what a heartbeat's way through the network may take
CLOCK_BAD_S = 60  # from here on, tokens and times in exports suffer


@dataclass(frozen=True)
class Status:
    level: str
    words: str


_CAMERA = {
    "streaming": Status("good", "Video comes in"),
    "connecting": Status("busy", "Connecting"),
    "stalled": Status("warn", "No pictures arrive"),
    "unauthorized": Status("bad", "Refuses user name or password"),
    "unreachable": Status("bad", "Cannot be reached"),
    "not_found": Status("bad", "Has no such stream"),
    "invalid_stream": Status("bad", "Sends something that is not video"),
    "unsupported_codec": Status("bad", "Video format is not supported"),
}
HEALTHY = ("streaming", "connecting")


def state_status(state: str) -> Status:
    """A state that a newer recorder invented is shown as it is."""
    return _CAMERA.get(state, Status("warn", state.replace("_", " ").capitalize()))


def has_problem(camera: Camera) -> bool:
    return camera.state not in HEALTHY


def profile_line(profile: dict[str, Any], camera_state: str) -> str:
    """What a profile sends; or how it is, unless the camera's own state says that already."""
    if profile["state"] == "streaming":
        return profile_words(profile)
    return "" if profile["state"] == camera_state else state_status(profile["state"]).words


def cameras_status(cameras: int, problems: int) -> Status:
    """`4 cameras, 1 with a problem`."""
    count = f"{cameras} camera{'' if cameras == 1 else 's'}"
    if not cameras:
        return Status("", "No cameras")
    if not problems:
        return Status("good", count)
    return Status("warn", f"{count}, {problems} with a problem")


def clock_status(offset_s: float | None) -> Status:
    if offset_s is None:
        return Status("", "Not measured yet")
    size = abs(offset_s)
    if size < CLOCK_GOOD_S:
        return Status("good", "In step with the portal")
    direction = "ahead of" if offset_s > 0 else "behind"
    level = "bad" if size >= CLOCK_BAD_S else "warn"
    return Status(level, f"{_duration(size)} {direction} the portal")


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} seconds"


def profile_words(profile: dict[str, Any]) -> str:  # Any: JSON values of the recorder
    """Codec, size, frames and bits per second with dots between, leaving out what is not known."""
    width, height = profile.get("width"), profile.get("height")
    fps, kbps = profile.get("fps"), profile.get("kbps")
    facts = [
        codec_words(profile.get("codec")),
        f"{width} \u00d7 {height}" if width and height else "",
        f"{fps:.0f} fps" if fps else "",
        f"{kbps:,} kbps" if kbps else "",
    ]
    return " · ".join(fact for fact in facts if fact)


def codec_words(codec: str | None) -> str:
    """The name people know, for an RFC 6381 string."""
    families = {"avc1": "H.264", "avc3": "H.264", "hvc1": "H.265", "hev1": "H.265"}
    return families.get((codec or "").partition(".")[0], codec or "")
