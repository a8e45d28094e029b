"""Times on the wire: RFC 3339 in UTC, and media time in 90 kHz ticks since the Unix epoch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from protocol.errors import ProtocolError

TICKS_PER_S = 90_000  # the RTP clock of video (RFC 6184 §8.2.1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_LENGTH = 40  # an RFC 3339 time with nanoseconds and offset has 35 characters


def parse_time(text: str) -> datetime:
    """An RFC 3339 time as an aware datetime in UTC.

    Raises ProtocolError `bad_time` when it is not one, or names no offset from UTC.
    """
    try:
        moment = datetime.fromisoformat(text[:_MAX_LENGTH])
    except ValueError:
        raise ProtocolError("bad_time", f"{text[:40]!r} is not an RFC 3339 time") from None
    if moment.tzinfo is None:
        raise ProtocolError("bad_time", f"{text[:40]!r} names no offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ProtocolError("bad_time", f"{text[:40]!r} is out of range") from None


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, e.g. `2026-11-23T08:15:30.250Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_90k(moment: datetime) -> int:
    """90 kHz ticks since the Unix epoch (exact to the microsecond, rounded down)."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 9 // 100


def from_90k(ticks: int) -> datetime:
    """The UTC time of 90 kHz ticks since the Unix epoch, to the microsecond."""
    return _EPOCH + timedelta(microseconds=ticks * 100 // 9)
