"""RFC 3339 in, UTC out; 90 kHz ticks since the epoch."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.times import format_time, from_90k, parse_time, to_90k

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T08:15:30.250Z", "2026-11-23T08:15:30.250Z"),
        ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00.000Z"),
        ("2026-11-01T01:30:00-04:00", "2026-11-01T05:30:00.000Z"),
    ],
)
def test_any_offset_becomes_utc(text, expected):
    assert format_time(parse_time(text)) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-23", "2026-11-23T08:15:30", "0001-01-01T00:00:00+14:00"]
)
def test_it_refuses_a_time_without_a_place(text):
    with pytest.raises(ProtocolError) as caught:
        parse_time(text)
    assert caught.value.code == "bad_time"


@given(st.integers(0, 9_000_000_000 * 10**6))
def test_ticks_keep_the_time_to_a_tick(microseconds):
    moment = EPOCH + timedelta(microseconds=microseconds)
    assert abs((from_90k(to_90k(moment)) - moment).total_seconds()) < 1 / 90_000 + 1e-6
