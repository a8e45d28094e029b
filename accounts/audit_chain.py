"""The chain of the audit trail: each line's hash covers its facts and the line before it (pure).

A line is hashed before the database has it and again after it was read back, by PostgreSQL
(`jsonb`, `inet`) or SQLite (text). `plain…` make both give back what they were given.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

_MAX_NUMBER = 10**30  # jsonb keeps larger ones, but Python refuses to read the largest
_MAX_DEPTH = 12
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def line_hash(
    previous: str,
    organisation_id: object,
    number: int,
    at: datetime,
    actor_id: object,
    facts: Mapping[str, Any],  # Any: JSON values
) -> str:
    """SHA-256 (hex) of the canonical JSON of a line. `facts`: actor_name, action, target, detail,
    address."""
    content = {
        **facts,
        "address": plain_address(facts.get("address")),
        "previous": previous,
        "organisation": str(organisation_id),
        "number": number,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": None if actor_id is None else str(actor_id),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def plain(value: Any, depth: int = 0) -> Any:  # Any: a JSON value, or what stands for one
    """The value as both databases give it back: `1e20` and `100000000000000000000` are one number
    in `jsonb`, a NUL cannot be kept, and what is no JSON is kept as its text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _plain_number(value)
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {plain_text(name): plain(held, depth + 1) for name, held in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(held, depth + 1) for held in items]
    return plain_text(value)


def _plain_number(value: float) -> int | float | str:
    if not math.isfinite(value) or abs(value) >= _MAX_NUMBER:
        return plain_text(value)
    return int(value) if isinstance(value, int) or value.is_integer() else float(value)


def plain_text(value: object) -> str:
    """Text without what PostgreSQL refuses: NUL and halves of surrogate pairs."""
    text = str(value).replace("\0", _UNREADABLE)
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def plain_address(address: str | None) -> str | None:
    """An address in the one form that does not depend on who wrote it; None for what is none."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)
