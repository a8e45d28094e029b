"""How long something lasts, in words. Pure."""

from __future__ import annotations

from datetime import timedelta

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def duration_words(length: timedelta) -> str:
    """The two largest units that are not nothing: `40 seconds`, `2 hours 5 minutes`."""
    left, parts = round(length.total_seconds()), []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"
