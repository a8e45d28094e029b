"""Turns what a benchmark measured into Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Row = Mapping[str, object]


def markdown(result: Mapping[str, object]) -> str:
    """`rows` becomes a table, every other figure a line below it."""
    rows = result.get("rows")
    table = _table(rows) if isinstance(rows, Sequence) else []
    lines = [
        f"* {_words(name)}: {_figure(value)}" for name, value in result.items() if name != "rows"
    ]
    return "\n".join([*table, *([""] if table and lines else []), *lines])


def _table(rows: Sequence[Row]) -> list[str]:
    columns = list(rows[0])
    head = ["| " + " | ".join(map(_words, columns)) + " |", "|" + " --- |" * len(columns)]
    return head + ["| " + " | ".join(_figure(row[name]) for name in columns) + " |" for row in rows]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _figure(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(str(name))} {_figure(one)}" for name, one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
