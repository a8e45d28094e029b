"""K3: the recorder's log of viewings, kept on disk, in order and bounded, until it was told."""

from __future__ import annotations

import time

import pytest

from cmr.viewing_log import FILE_NAME, ViewingLog
from protocol.viewings import Viewing, Watcher

WATCHER = Watcher("session", "ada", 1, "live", "lan", "192.0.2.1")


def _viewing(at: float) -> Viewing:
    return Viewing(WATCHER, at, at + 1)


@pytest.fixture
def kept(tmp_path):
    made = ViewingLog(tmp_path, max_kept=5)
    made.recover()
    return made


def _starts(viewings):
    return [viewing.start for viewing in viewings]


def test_viewings_are_told_in_order_until_they_are_forgotten(kept):
    kept.keep("me", [_viewing(1), _viewing(2)], [])
    kept.keep("me", [_viewing(3)], [])
    told = kept.untold("me", 2)
    assert _starts(told) == [1, 2]
    assert told[0].number < told[1].number
    kept.forget(told[-1].number)
    assert _starts(kept.untold("me", 9)) == [3]


def test_what_was_open_when_the_recorder_was_killed_is_over_after_a_start(kept, tmp_path):
    kept.keep("me", [_viewing(1)], [_viewing(2)])
    kept.keep("me", [], [_viewing(2), _viewing(3)])
    again = ViewingLog(tmp_path)
    again.recover()
    again.recover()
    assert _starts(again.untold("me", 9)) == [1, 2, 3]


def test_a_full_log_loses_the_oldest_and_says_how_many(kept):
    kept.keep("me", [_viewing(at) for at in range(8)], [])
    kept.keep("me", [_viewing(8)], [])
    told = kept.untold("me", 9)
    assert _starts(told) == [4, 5, 6, 7, 8]
    assert [viewing.lost_before for viewing in told] == [4, 0, 0, 0, 0]


def test_a_log_that_was_lost_is_followed_by_higher_numbers(kept, tmp_path, monkeypatch):
    kept.keep("me", [_viewing(1)], [])
    [before] = kept.untold("me", 1)
    for file in tmp_path.glob(f"{FILE_NAME}*"):
        file.unlink()
    later = time.time() + 1
    monkeypatch.setattr(time, "time", lambda: later)
    again = ViewingLog(tmp_path)
    again.recover()
    again.keep("me", [_viewing(2)], [])
    assert again.untold("me", 1)[0].number > before.number


def test_what_belongs_to_an_earlier_owner_is_never_told_to_the_next(kept):
    kept.keep("before", [_viewing(1)], [])
    kept.keep("", [_viewing(2)], [])  # local accounts, before it was registered
    kept.keep("me", [_viewing(3)], [])
    assert _starts(kept.untold("me", 9)) == [2, 3]


def test_nobody_else_reads_the_log(kept, tmp_path):
    kept.keep("me", [_viewing(1)], [])
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
