"""The audit trail as a file: written while it is read, in bounded memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from asgiref.sync import sync_to_async

from accounts.audit_words import action_words
from accounts.csv_cells import safe_cell
from accounts.models import AuditEntry
from accounts.querysets import AuditQuerySet

READ_AT_ONCE = 1_000
COLUMNS = (
    "number",
    "at",
    "who",
    "address",
    "action",
    "what",
    "target",
    "detail",
    "previous",
    "hash",
)

Row = dict[str, Any]  # Any: JSON values


async def as_csv(entries: AuditQuerySet) -> AsyncIterator[bytes]:
    """RFC 4180 in UTF-8, newest first; `detail` as JSON."""
    yield _csv([COLUMNS])
    async for rows in _batches(entries):
        yield _csv([_cell(row[name]) for name in COLUMNS] for row in rows)


async def as_json(entries: AuditQuerySet) -> AsyncIterator[bytes]:
    """One array with a line's object in each line, newest first."""
    opening = b"[\n"
    async for rows in _batches(entries):
        texts = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
        yield opening + ",\n".join(texts).encode()
        opening = b",\n"
    yield b"[]\n" if opening == b"[\n" else b"\n]\n"


Writer = Callable[[AuditQuerySet], AsyncIterator[bytes]]
WRITERS: dict[str, tuple[Writer, str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "json": (as_json, "application/json"),
}


async def _batches(entries: AuditQuerySet) -> AsyncIterator[list[Row]]:
    """By number, so that no database cursor is held for a slow reader."""
    below: int | None = None
    while rows := await sync_to_async(_read)(entries, below):
        yield rows
        below = rows[-1]["number"]


def _read(entries: AuditQuerySet, below: int | None) -> list[Row]:
    found = entries if below is None else entries.filter(number__lt=below)
    return [_row(entry) for entry in found.order_by("-number")[:READ_AT_ONCE]]


def _row(entry: AuditEntry) -> Row:
    return {
        "number": entry.number,
        "at": entry.at.isoformat(timespec="microseconds"),
        "who": entry.actor_name,
        "address": entry.address,
        "action": entry.action,
        "what": action_words(entry.action),
        "target": entry.target,
        "detail": entry.detail,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:  # Any: a JSON value
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = "" if value is None else str(value)
    return safe_cell(text)
