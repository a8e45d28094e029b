"""Whether a grant's limits hold at a moment, in some circumstances, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from accounts.circumstances import Circumstances
from recorders.grants.values import WEEK_MINUTES, Limits

Spans = Iterable[tuple[int, int]]


@dataclass(frozen=True)
class Verdict:
    """`reason` is empty when the grant holds, else the code of the first limit that does not:
    `not_yet`, `over`, `outside_hours`, `client`, `address`. `ends_at`: when it stops holding."""

    reason: str = ""
    ends_at: datetime | None = None

    @property
    def holds(self) -> bool:
        return not self.reason


def judge(limits: Limits, how: Circumstances, now: datetime, zone: ZoneInfo) -> Verdict:
    if limits.holds_from is not None and now < limits.holds_from:
        return Verdict("not_yet")
    if limits.holds_until is not None and now >= limits.holds_until:
        return Verdict("over")
    if limits.hours and not is_inside(limits.hours, minute_of_week(now, zone)):
        return Verdict("outside_hours")
    if limits.clients and how.client not in limits.clients:
        return Verdict("client")
    if limits.addresses and not is_from(limits.addresses, how.address):
        return Verdict("address")
    ends = [limits.holds_until, hours_end(limits.hours, now, zone) if limits.hours else None]
    return Verdict(ends_at=min((end for end in ends if end is not None), default=None))


def zone_of(name: str) -> ZoneInfo:
    """Of an organisation; UTC when this machine does not know the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def minute_of_week(now: datetime, zone: ZoneInfo) -> int:
    local = now.astimezone(zone)
    return local.weekday() * 1440 + local.hour * 60 + local.minute


def is_inside(hours: Spans, minute: int) -> bool:
    return any(
        start <= minute < end if start < end else minute >= start or minute < end
        for start, end in hours
    )


def is_from(addresses: Iterable[str], address: str | None) -> bool:
    """Whether the address is known and in one of the ranges."""
    if address is None:
        return False
    found = ip_address(address)
    return any(found in ip_network(text) for text in addresses)


def hours_end(hours: Spans, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the hours that `now` is inside of end; None when the whole week is inside."""
    spans = list(hours)
    left = _minutes_left(spans, minute_of_week(now, zone))
    if left is None:
        return None
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    end = minute + timedelta(minutes=left)
    if end.astimezone(zone).utcoffset() == now.astimezone(zone).utcoffset():
        return end
    while is_inside(spans, minute_of_week(minute, zone)):  # the clocks change before that
        minute += timedelta(minutes=1)
    return minute


def _minutes_left(spans: Spans, minute: int) -> int | None:
    """From a minute that is inside; None: without end."""
    left = 0
    while left < WEEK_MINUTES:
        here = (minute + left) % WEEK_MINUTES
        ends = [
            (end - here) % WEEK_MINUTES or WEEK_MINUTES
            for start, end in spans
            if is_inside([(start, end)], here)
        ]
        if not ends:
            return left
        left += max(ends)
    return None
