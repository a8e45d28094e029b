"""Rows of a preflight as a recorder sends them: checked, bounded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

MAX_ROWS = 100
STATES = ("pass", "fail", "warn", "skipped")
_LENGTHS = {"id": 200, "group": 60, "title": 200, "detail": 500, "advice": 500}

Row = dict[str, Any]  # id group title detail advice: text; state; is_required


class BadRows(Exception):
    """The recorder's answer is none; the text is for people."""


def parse_rows(answer: Mapping[str, Any]) -> list[Row]:  # Any: JSON
    """Raises BadRows."""
    rows = answer.get("rows")
    if not isinstance(rows, list) or len(rows) > MAX_ROWS:
        raise BadRows("The recorder's answer is not understood.")
    return [_row(row) for row in rows]


def grouped(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """In the order they came."""
    return [(group, list(found)) for group, found in groupby(rows, key=lambda row: row["group"])]


def as_text(rows: Iterable[Row]) -> str:
    """For a mail or a ticket."""
    lines: list[str] = []
    for group, members in grouped(rows):
        lines += ["", group]
        for row in members:
            lines.append(f"  [{row['state'].upper():<7}] {row['title']}: {row['detail']}")
            lines += [f"            {row['advice']}"] if row["advice"] else []
    return "\n".join(lines[1:])


def summary(rows: Iterable[Row]) -> str:
    states = [row["state"] for row in rows]
    failed, warned = states.count("fail"), states.count("warn")
    if failed:
        return f"{failed} of {len(states)} tests failed."
    if warned:
        return f"Everything required passed; {warned} of {len(states)} could be better."
    return f"All {len(states)} tests passed."


def _row(row: object) -> Row:
    if not isinstance(row, dict) or row.get("state") not in STATES:
        raise BadRows("The recorder's answer has a line that is not understood.")
    texts = {name: _text(row.get(name), length) for name, length in _LENGTHS.items()}
    return {**texts, "state": row["state"], "is_required": row.get("is_required") is True}


def _text(value: object, length: int) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable())[:length]
