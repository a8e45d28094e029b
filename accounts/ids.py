"""Identifiers of rows: names, never secrets, yet with nothing to guess or count."""

from __future__ import annotations

import secrets
import uuid


def random_id() -> uuid.UUID:
    """128 random bits in UUID form (a version 4 UUID has 122)."""
    return uuid.UUID(bytes=secrets.token_bytes(16))


def random_handle() -> str:
    """For an organisation whose name gave none."""
    return f"org-{secrets.token_hex(4)}"
