"""What a person sees of an archive."""

from __future__ import annotations

import pytest

from cmr.archive.index import Event
from cmr.archive.timeline import Gap, Run, cut_runs, explain, find_gaps, join_runs

S = 90_000


@pytest.mark.parametrize(
    ("name", "spans", "runs"),
    [
        ("nothing", [], []),
        ("one", [(0, 9, "hd")], [Run(0, 9, ("hd",))]),
        ("close", [(0, S, "hd"), (2 * S, 3 * S, "hd")], [Run(0, 3 * S, ("hd",))]),
        (
            "far",
            [(0, S, "hd"), (4 * S, 5 * S, "hd")],
            [Run(0, S, ("hd",)), Run(4 * S, 5 * S, ("hd",))],
        ),
        ("both", [(0, 3 * S, "sd"), (S, 2 * S, "hd")], [Run(0, 3 * S, ("hd", "sd"))]),
    ],
)
def test_it_joins_runs(name: str, spans: list[tuple[int, int, str]], runs: list[Run]) -> None:
    assert join_runs(spans) == runs


def test_it_cuts_runs_at_the_range() -> None:
    runs = [Run(0, 5, ("hd",)), Run(7, 9, ("sd",)), Run(10, 20, ("hd",))]
    assert cut_runs(runs, 2, 8) == [Run(2, 5, ("hd",)), Run(7, 8, ("sd",))]


def test_gaps_are_what_is_between_runs() -> None:
    runs = [Run(5 * S, 10 * S, ("hd",)), Run(20 * S, 30 * S, ("hd",))]
    events = [Event(1, 11 * S, "camera unreachable")]
    assert find_gaps(runs, events, 0, 31 * S) == [
        Gap(0, 5 * S, "no video was recorded"),
        Gap(10 * S, 20 * S, "camera unreachable"),
    ]


@pytest.mark.parametrize(
    ("name", "events", "reason"),
    [
        ("nothing is known", [], "no video was recorded"),
        ("before it", [Event(1, 5 * S, "a")], "no video was recorded"),
        ("the first counts", [Event(1, 11 * S, "a"), Event(1, 12 * S, "b")], "a"),
        ("noticed early", [Event(1, 9 * S, "a")], "a"),
        (
            "stopped",
            [Event(1, 11 * S, "a"), Event(0, 19 * S, "recorder stopped")],
            "recorder stopped",
        ),
    ],
)
def test_it_explains_gaps(name: str, events: list[Event], reason: str) -> None:
    assert explain(events, 10 * S, 20 * S) == reason
