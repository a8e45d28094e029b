"""What is kept of live video for readers that come: enough, and not more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmr import picture
from cmr.picture import KEPT_90K, Picture
from protocol.fragments import Segment

FRAME_90K = 6_000  # 15 frames per second


def fragments(count: int, group: int = 15, size: int = 100) -> list[Segment]:
    return [
        Segment(bytes(size), False, n % group == 0, n * FRAME_90K + 90_000) for n in range(count)
    ]


def filled(parts: list[Segment]) -> Picture:
    made = Picture()
    for part in parts:
        made.add(part)
    return made


@pytest.mark.parametrize("group", [1, 5, 15, 40, 100])
def test_three_seconds_are_always_kept(group: int) -> None:
    parts = fragments(250, group)
    since = parts[-1].decode_time // FRAME_90K * FRAME_90K - KEPT_90K
    kept = filled(parts).fragments(since)
    assert kept[0].is_key
    assert kept[0].decode_time <= since
    assert kept == parts[-len(kept) :]


def test_no_more_is_kept_than_asked_for() -> None:
    made = filled(fragments(10_000))
    assert len(made.fragments(since_90k=90_000)) <= 15
    assert sum(len(group.segments) for group in made._older) <= 5 * 15


def test_memory_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "KEPT_BYTES", 4_000)
    parts = fragments(100)
    kept = filled(parts).fragments(parts[-1].decode_time - KEPT_90K)
    assert kept == parts[-10:]  # as without: it is not kept
    assert len(filled(parts).fragments(parts[75].decode_time)) == 25


def test_a_group_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_GROUP_BYTES", 4_000)
    parts = [*fragments(16), *(replace(f, is_key=False) for f in fragments(60)[16:])]
    assert filled(parts).fragments() == []


def test_a_new_run_forgets_the_old_one() -> None:
    made = filled(fragments(40))
    made.clear()
    assert made.fragments(1) == []
