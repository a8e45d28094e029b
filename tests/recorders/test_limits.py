"""When a grant with limits holds, and until when: tables. Nothing is asked of a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.circumstances import Circumstances
from accounts.client_address import choose_address
from recorders.grants.limits import hours_end, is_from, is_inside, judge, minute_of_week, zone_of
from recorders.grants.values import WEEK_MINUTES, Limits

BERLIN, DAY = zone_of("Europe/Berlin"), 24 * 60
SECOND = timedelta(seconds=1)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
OFFICE = tuple((day * DAY + 480, day * DAY + 1080) for day in range(5))
NIGHT = ((5 * DAY + 1320, 6 * DAY + 360),)  # Saturday 22:00 to Sunday 06:00
WEEKEND_TO_MONDAY = ((6 * DAY + 1320, 360),)  # Sunday 22:00 to Monday 06:00
UNKNOWN = Circumstances()

minutes = st.integers(0, WEEK_MINUTES - 1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- Dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "reason", "ends_at"),
    [
        (Limits(), "", None),
        (Limits(holds_from=NOW), "", None),
        (Limits(holds_from=NOW + SECOND), "not_yet", None),
        (Limits(holds_until=NOW + SECOND), "", NOW + SECOND),
        (Limits(holds_until=NOW), "over", None),
        (Limits(holds_from=NOW - SECOND, holds_until=NOW + SECOND), "", NOW + SECOND),
        # The end of the hours comes first, or that of the grant.
        (Limits(hours=OFFICE, holds_until=utc("2026-03-05")), "", utc("2026-03-04 17:00")),
        (Limits(hours=OFFICE, holds_until=NOW + SECOND), "", NOW + SECOND),
        (Limits(hours=OFFICE, holds_until=NOW), "over", None),
    ],
)
def test_a_grant_holds_from_its_start_until_just_before_its_end(limits, reason, ends_at):
    found = judge(limits, UNKNOWN, NOW, BERLIN)
    assert (found.reason, found.holds, found.ends_at) == (reason, not reason, ends_at)


# --- Hours of the week ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        (OFFICE, "2026-03-04 06:59:59", None),  # 07:59:59 in Berlin
        (OFFICE, "2026-03-04 07:00", "2026-03-04 17:00"),
        (OFFICE, "2026-03-04 16:59:59", "2026-03-04 17:00"),
        (OFFICE, "2026-03-04 17:00", None),
        (OFFICE, "2026-03-07 12:00", None),  # Saturday
        (NIGHT, "2026-03-07 20:59", None),
        (NIGHT, "2026-03-07 21:00", "2026-03-08 05:00"),
        (NIGHT, "2026-03-08 04:59", "2026-03-08 05:00"),
        (NIGHT, "2026-03-08 05:00", None),
        (WEEKEND_TO_MONDAY, "2026-03-08 22:30", "2026-03-09 05:00"),
        (WEEKEND_TO_MONDAY, "2026-03-08 23:30", "2026-03-09 05:00"),  # Monday in Berlin
        (WEEKEND_TO_MONDAY, "2026-03-09 05:00", None),
        (((0, 60), (60, 120)), "2026-03-08 23:30", "2026-03-09 01:00"),  # one after the other
        (((0, 90), (60, 120)), "2026-03-08 23:30", "2026-03-09 01:00"),  # one over the other
    ],
)
def test_hours_are_of_the_organisations_week(hours, now, end):
    found = judge(Limits(hours=hours), UNKNOWN, utc(now), BERLIN)
    assert (found.reason, found.ends_at) == (("", utc(end)) if end else ("outside_hours", None))


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        # 29 March 2026: 02:00 becomes 03:00.
        (NIGHT, "2026-03-28 22:00", "2026-03-29 04:00"),
        (((6 * DAY + 60, 6 * DAY + 150),), "2026-03-29 00:30", "2026-03-29 01:00"),
        (((6 * DAY + 135, 6 * DAY + 165),), "2026-03-29 01:00", None),  # the hour that is not
        # 25 October 2026: 03:00 becomes 02:00.
        (NIGHT, "2026-10-24 21:00", "2026-10-25 05:00"),
        (((6 * DAY + 120, 6 * DAY + 150),), "2026-10-25 00:10", "2026-10-25 00:30"),
        (((6 * DAY + 120, 6 * DAY + 150),), "2026-10-25 00:40", None),
        (((6 * DAY + 120, 6 * DAY + 150),), "2026-10-25 01:10", "2026-10-25 01:30"),  # once more
        (((6 * DAY + 150, 6 * DAY + 210),), "2026-10-25 00:40", "2026-10-25 01:00"),
    ],
)
def test_hours_are_what_clocks_there_show_when_they_change(hours, now, end):
    found = judge(Limits(hours=hours), UNKNOWN, utc(now), BERLIN)
    assert (found.reason, found.ends_at) == (("", utc(end)) if end else ("outside_hours", None))


@pytest.mark.parametrize("hours", [((0, WEEK_MINUTES),), ((300, 300 + DAY), (300 + DAY, 300))])
def test_hours_of_the_whole_week_never_end(hours):
    assert judge(Limits(hours=hours), UNKNOWN, NOW, BERLIN).ends_at is None


@given(st.lists(st.tuples(minutes, minutes), min_size=1, max_size=4), minutes)
def test_the_end_is_the_first_minute_outside(hours, minute):
    now = utc("2026-03-02") + timedelta(minutes=minute)  # no clock changes within a week
    zone = zone_of("UTC")
    if not is_inside(hours, minute):
        return
    end = hours_end(hours, now, zone)
    if end is None:
        assert all(is_inside(hours, other) for other in range(WEEK_MINUTES))
        return
    assert not is_inside(hours, minute_of_week(end, zone))
    left = int((end - now).total_seconds()) // 60
    assert all(is_inside(hours, (minute + later) % WEEK_MINUTES) for later in range(left))


def test_a_zone_that_nobody_knows_is_utc():
    assert zone_of("Mars/Olympus") == zone_of("../../etc/passwd") == zone_of("UTC")


# --- Clients and addresses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "reason"),
    [("browser", ""), ("vms", ""), ("mobile", "client"), ("program", "client"), ("", "client")],
)
def test_a_client_that_is_unknown_satisfies_no_limit(client, reason):
    limits = Limits(clients=("browser", "vms"))
    assert judge(limits, Circumstances(client=client), NOW, BERLIN).reason == reason


@pytest.mark.parametrize(
    ("address", "is_inside"),
    [
        (None, False),
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        (choose_address("::ffff:10.1.2.3", "", 0), True),  # as a socket for both tells it
        (choose_address("::ffff:11.1.2.3", "", 0), False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::10.1.2.3", False),
    ],
)
def test_addresses_are_inside_their_ranges(address, is_inside):
    ranges = ("10.0.0.0/8", "2001:db8::/32")
    assert is_from(ranges, address) == is_inside
    found = judge(Limits(addresses=ranges), Circumstances(address=address), NOW, BERLIN)
    assert found.reason == ("" if is_inside else "address")


def test_the_first_limit_that_does_not_hold_is_told():
    limits = Limits(hours=WEEKEND_TO_MONDAY, clients=("vms",), addresses=("10.0.0.0/8",))
    assert judge(limits, UNKNOWN, NOW, BERLIN).reason == "outside_hours"
