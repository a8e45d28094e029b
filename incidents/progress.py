"""How an export stands, in words for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from incidents.models import Export, ExportedClip

State = ExportedClip.State

# Where a step begins and how much of the bar it takes: fetching is the slow part.
_STEPS = {
    State.WAITING: (0.0, 0.0),
    State.FETCHING: (0.0, 0.75),
    State.STORING: (0.75, 0.15),
    State.VERIFYING: (0.9, 0.05),
    State.VERIFIED: (1.0, 0.0),
    State.MISSING: (1.0, 0.0),
}


@dataclass(frozen=True)
class Status:
    """`level` is a class of the status dot: good, warn, bad, busy or empty."""

    level: str
    words: str


@dataclass(frozen=True)
class ClipProgress:
    clip: ExportedClip
    status: Status
    percent: int
    detail: str


def export_status(export: Export, now: datetime) -> Status:
    if export.state == Export.State.QUEUED:
        return _queued_status(export, now)
    if export.state == Export.State.CANCELLED:
        return Status("", "Stopped" if export.error else "Cancelled")
    return {
        Export.State.RUNNING: Status("busy", "Exporting"),
        Export.State.DONE: Status("good", "Ready"),
        Export.State.FAILED: Status("bad", "Failed"),
    }[Export.State(export.state)]


def export_trouble(export: Export) -> str:
    """What went wrong, and what happens next; empty when all is well."""
    if not export.error or export.state != Export.State.QUEUED:
        return export.error
    if export.stalled_since:
        return f"{export.error} The export goes on by itself when the recorder can be reached."
    if export.not_before is None:
        return export.error
    return f"{export.error} Trying again at {export.not_before.astimezone(UTC):%H:%M} UTC."


def _queued_status(export: Export, now: datetime) -> Status:
    if export.stalled_since:
        return Status("warn", "Waiting for the recorder")
    if export.error:
        return Status("warn", "Trying again soon")
    if export.not_before and export.not_before > now:
        return Status("", "Starts in a moment")
    return Status("busy", "Queued")


def clip_progress(clip: ExportedClip, export: Export) -> ClipProgress:
    return ClipProgress(clip, _clip_status(clip, export), _percent(clip), _detail(clip))


def total_percent(clips: Sequence[ExportedClip]) -> int:
    """Of the whole export, each clip weighing by its size where that is known."""
    known = [clip.size_bytes for clip in clips if clip.size_bytes]
    usual = sum(known) / len(known) if known else 1
    weights = [clip.size_bytes or usual for clip in clips]
    done = sum(_percent(clip) * weight for clip, weight in zip(clips, weights, strict=True))
    return int(done / sum(weights)) if clips else 0


def total_bytes(clips: Iterable[ExportedClip]) -> int:
    return sum(clip.size_bytes or 0 for clip in clips if clip.state != State.MISSING)


def _clip_status(clip: ExportedClip, export: Export) -> Status:
    if clip.state == State.VERIFIED:
        return Status("good", "Stored and verified")
    if clip.state == State.MISSING:
        return Status("warn", "Nothing was recorded")
    if not export.is_unfinished:
        return Status("", "Not finished")
    if clip.error:  # said once, above, when it is what holds up the whole export
        return Status(
            "warn", "Waiting for the next try" if clip.error in export.error else clip.error
        )
    words = {
        State.WAITING: "Waiting for its turn",
        State.FETCHING: "Fetching from the recorder",
        State.STORING: "Storing",
        State.VERIFYING: "Reading back and comparing",
    }
    is_busy = clip.state != State.WAITING and export.state == Export.State.RUNNING
    return Status("busy" if is_busy else "", words[State(clip.state)])


def _percent(clip: ExportedClip) -> int:
    base, span = _STEPS[State(clip.state)]
    done = clip.fetched_bytes if clip.state == State.FETCHING else clip.stored_bytes
    part = min(done / clip.size_bytes, 1.0) if clip.size_bytes else 0.0
    return int(100 * (base + span * part))


def _detail(clip: ExportedClip) -> str:
    gaps = f"{clip.gap_count} gap{'s' if clip.gap_count != 1 else ''}" if clip.gap_count else ""
    return gaps if clip.state == State.VERIFIED else ""
