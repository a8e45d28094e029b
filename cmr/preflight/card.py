"""A preflight's result for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from cmr.preflight.check import Row, State

_MARKS = {
    State.PASS: "pass",
    State.FAIL: "FAIL",
    State.WARN: "warn",
    State.SKIPPED: "  - ",
}
_WIDTH = 96
_INDENT = " " * 8


def card(rows: Sequence[Row]) -> str:
    """Rows by group, each with its fact, and what to do about it."""
    lines: list[str] = []
    for group, members in groupby(rows, key=lambda row: row.group):
        lines += ["", group, *_lines(members)]
    return "\n".join([*lines[1:], "", summary(rows)])


def summary(rows: Sequence[Row]) -> str:
    failed = sum(row.state == State.FAIL for row in rows)
    warned = sum(row.state == State.WARN for row in rows)
    if failed:
        return f"{_count(failed, 'test')} failed: the network has to be changed before all works."
    if any(row.is_required and row.state == State.SKIPPED for row in rows):
        return "What could be tested passed; what is marked - could not be tested yet."
    if warned:
        return f"Everything required passed; {_count(warned, 'thing')} could be better."
    return "Everything passed."


def has_failed(rows: Iterable[Row]) -> bool:
    return any(row.state == State.FAIL for row in rows)


def _lines(rows: Iterable[Row]) -> list[str]:
    lines = []
    for row in rows:
        lines.append(f"  {_MARKS[State(row.state)]}  {row.title}")
        lines += _wrapped(row.detail)
        lines += _wrapped(f"→ {row.advice}") if row.advice else []
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
