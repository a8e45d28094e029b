"""What was recorded and what was not, as a person sees it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmr.archive.index import Event

JOIN_90K = 2 * 90_000  # what is closer counts as one
LIVE_EDGE_90K = 15 * 90_000  # the newest group of pictures is still on its way to the index
_EARLY_90K = 2 * 90_000  # a camera's failure is noticed just before its last frame's time is over
STOPPED = "recorder stopped"
_UNKNOWN = "no video was recorded"


@dataclass(frozen=True)
class Run:
    """Recorded without a break; `profiles` tells which, e.g. `("hd", "sd")`."""

    start_90k: int
    end_90k: int
    profiles: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """Nothing was recorded; `reason` is for people."""

    start_90k: int
    end_90k: int
    reason: str


def join_runs(spans: Iterable[tuple[int, int, str]]) -> list[Run]:
    """Runs of one camera from (start, end, profile) in any order."""
    runs: list[Run] = []
    for start, end, profile in sorted(spans):
        last = runs[-1] if runs else None
        if last is None or start - last.end_90k > JOIN_90K:
            runs.append(Run(start, end, (profile,)))
            continue
        profiles = tuple(sorted({*last.profiles, profile}))
        runs[-1] = Run(last.start_90k, max(last.end_90k, end), profiles)
    return runs


def cut_runs(runs: Iterable[Run], start_90k: int, end_90k: int) -> list[Run]:
    """The parts of runs inside a range."""
    cut = (Run(max(r.start_90k, start_90k), min(r.end_90k, end_90k), r.profiles) for r in runs)
    return [run for run in cut if run.start_90k < run.end_90k]


def find_gaps(
    runs: Sequence[Run], events: Sequence[Event], start_90k: int, end_90k: int
) -> list[Gap]:
    """What lies between the runs (in order) of a range, with the reason of each."""
    edges = [start_90k, *(t for run in runs for t in (run.start_90k, run.end_90k)), end_90k]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [
        Gap(start, end, explain(events, start, end))
        for start, end in pairs
        if end - start > JOIN_90K
    ]


def explain(events: Sequence[Event], start_90k: int, end_90k: int) -> str:
    """The first event (in order) of a gap, but a stopped recorder outweighs all cameras."""
    reasons = [e.reason for e in events if start_90k - _EARLY_90K <= e.at_90k <= end_90k]
    if STOPPED in reasons:
        return STOPPED
    return reasons[0] if reasons else _UNKNOWN
