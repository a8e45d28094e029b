"""The chain of the audit trail: each line's hash covers its facts and the line before it (pure)."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any


def line_hash(
    previous: str,
    organisation_id: object,
    number: int,
    at: datetime,
    actor_id: object,
    facts: dict[str, Any],  # Any: JSON values
) -> str:
    """SHA-256 (hex) of the canonical JSON of a line. `facts`: actor_name, action, target, detail,
    address."""
    content = {
        **facts,
        "previous": previous,
        "organisation": str(organisation_id),
        "number": number,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": None if actor_id is None else str(actor_id),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
