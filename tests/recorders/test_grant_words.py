"""Grants in words, and hours of the week as rows of days and times."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorders.grants.limits import is_inside
from recorders.grants.sentences import limits_words, rights_words
from recorders.grants.values import WEEK_MINUTES, Limits
from recorders.grants.week_hours import DAY, TO, Row, hours_words, rows_of, spans_of

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = [(day * DAY + 480, day * DAY + 1080) for day in range(5)]
minutes = st.integers(0, WEEK_MINUTES - 1)


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        (OFFICE, "Mon-Fri 08:00-18:00"),
        ([*OFFICE, (5 * DAY + 540, 5 * DAY + 720)], "Mon-Fri 08:00-18:00 and Sat 09:00-12:00"),
        ([(0, DAY)], "Mon all day"),
        ([(6 * DAY + 1320, 360)], "Sun 22:00-06:00"),
        ([(0, 5 * DAY)], "Mon-Fri all day"),
        ([(day * DAY + 60, day * DAY + 120) for day in range(7)], "every day 01:00-02:00"),
        ([(1080, DAY)], "Mon 18:00-24:00"),
        ([(60, 120), (2 * DAY + 60, 2 * DAY + 120)], "Mon, Wed 01:00-02:00"),
    ],
)
def test_hours_are_told_by_days_and_times(spans, words):
    assert hours_words(spans).replace(TO, "-") == words


@given(st.lists(st.tuples(minutes, minutes), max_size=4), minutes)
def test_rows_say_the_same_hours_as_their_spans(spans, minute):
    again = spans_of(rows_of(spans))
    assert is_inside(again, minute) == is_inside(spans, minute)


def test_a_row_over_midnight_runs_into_the_next_day():
    assert spans_of([Row(frozenset({6}), 1320, 360)]) == ((6 * DAY + 1320, 360),)


def test_limits_are_parts_of_a_sentence():
    limits = Limits(
        holds_until=datetime(2026, 5, 2, 22, tzinfo=UTC),
        hours=tuple(OFFICE),
        clients=("browser", "vms"),
        addresses=("10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "198.51.100.0/24"),
        footage_from=datetime(2026, 3, 1, 7, 30, tzinfo=UTC),
    )
    assert limits_words(limits, BERLIN) == [
        "until 3 May 2026",
        hours_words(OFFICE),
        "only in a browser or the VMS",
        "only from 10.0.0.0/8, 192.0.2.0/24, 2001:db8::/32 and 1 more",
        "recorded video from 1 March 2026 08:30 on",
    ]


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ({"live"}, "Live"),
        ({"playback", "live", "ptz"}, "Live, recorded and PTZ"),
        (set(), "Nothing"),
    ],
)
def test_rights_are_told_in_one_order(rights, words):
    assert rights_words(rights) == words
