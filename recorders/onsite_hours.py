"""When a grant holds, as moments: what hours of the week are in the coming days. Pure.

A recorder that is on its own then needs no time zones and no calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from protocol.bundle import MAX_HOLDS
from protocol.footage import ALL, Span, Spans, joined, shared
from recorders.grants.values import WEEK_MINUTES, Limits


def holds_in(limits: Limits, start: datetime, end: datetime, zone: ZoneInfo) -> Spans:
    """When the grant's dates and hours hold between two moments, Unix seconds."""
    between = joined([(_seconds(limits.holds_from), _seconds(limits.holds_until))])
    if not limits.hours:
        return between
    weekly = joined(_weekly(limits.hours, start, end, zone), MAX_HOLDS)
    return shared(between, weekly, MAX_HOLDS)


def footage_of(limits: Limits) -> Spans:
    """What recorded video the grant is about."""
    if not limits.has_footage:
        return ALL
    return joined([(_seconds(limits.footage_from), _seconds(limits.footage_to))])


def _weekly(
    hours: Iterable[tuple[int, int]], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[Span]:
    """Hours of every week that has something of the time, also of the one before, for hours that
    run over Sunday."""
    first = start.astimezone(zone).date()
    monday = first - timedelta(days=first.weekday() + 7)
    while monday <= end.astimezone(zone).date():
        for begin, finish in hours:
            length = finish if finish > begin else finish + WEEK_MINUTES
            span = _moment(monday, begin, zone), _moment(monday, length, zone)
            if span[1] > start.timestamp() and span[0] < end.timestamp():
                yield max(span[0], int(start.timestamp())), min(span[1], int(end.timestamp()))
        monday += timedelta(days=7)


def _moment(monday: date, minutes: int, zone: ZoneInfo) -> int:
    """Minutes of the week by the clock on the wall there."""
    midnight = datetime.combine(monday, time())
    return int((midnight + timedelta(minutes=minutes)).replace(tzinfo=zone).timestamp())


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.astimezone(UTC).timestamp())
