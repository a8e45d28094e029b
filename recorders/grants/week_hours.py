"""Hours of the week as people see them: some days, from a time to a time. Pure.

A grant keeps spans of minutes from Monday 00:00 (recorders.grants.values); people read and fill in
rows like "Mon to Fri, 08:00 to 18:00".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from recorders.grants.values import WEEK_MINUTES

DAY = 24 * 60
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FROM_THEN_ON = 3  # so many days in a row are a range

TO = "\N{EN DASH}"  # in ranges

Span = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """`days` from 0, Monday; minutes of the day. An end at or before the start is on the next day:
    00:00 to 00:00 is a whole day."""

    days: frozenset[int]
    start: int
    end: int


def spans_of(rows: Iterable[Row]) -> tuple[Span, ...]:
    return tuple(sorted({_span(day, row) for row in rows for day in row.days}))


def rows_of(spans: Iterable[Span]) -> list[Row]:
    """Days with the same times are one row; a span of several days becomes a part for each."""
    days: dict[Span, set[int]] = {}
    for span in spans:
        for day, start, end in _parts(*span):
            days.setdefault((start, end), set()).add(day)
    rows = [Row(frozenset(found), start, end) for (start, end), found in days.items()]
    return sorted(rows, key=lambda row: (min(row.days), row.start))


def hours_words(spans: Iterable[Span]) -> str:
    """`Mon-Fri 08:00-18:00 and Sat 09:00-12:00`, with longer dashes."""
    return " and ".join(f"{days_words(row.days)} {times_words(row)}" for row in rows_of(spans))


def days_words(days: Collection[int]) -> str:
    if len(days) == len(DAYS):
        return "every day"
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(_run_words(run) for run in runs)


def times_words(row: Row) -> str:
    if row.start == row.end:
        return "all day" if row.start == 0 else f"{clock(row.start)}{TO}{clock(row.end)} next day"
    return f"{clock(row.start)}{TO}{clock(row.end or DAY)}"


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _run_words(run: Sequence[int]) -> str:
    if len(run) < FROM_THEN_ON:
        return ", ".join(DAYS[day] for day in run)
    return f"{DAYS[run[0]]}{TO}{DAYS[run[-1]]}"


def _span(day: int, row: Row) -> Span:
    start = day * DAY + row.start
    length = (row.end - row.start) % DAY or DAY
    return start, (start + length) % WEEK_MINUTES or WEEK_MINUTES


def _parts(start: int, end: int) -> list[tuple[int, int, int]]:
    """Day, start and end of each day's part; a part ends a day later at most."""
    length = (end - start) % WEEK_MINUTES or WEEK_MINUTES
    parts = []
    while length > 0:
        day, minute = divmod(start % WEEK_MINUTES, DAY)
        part = length if length <= DAY else DAY - minute
        parts.append((day, minute, (minute + part) % DAY))
        start, length = start + part, length - part
    return parts
