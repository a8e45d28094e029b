"""What ends a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CommandFailed(Exception):
    """Said to the person in one line; the program ends with status 1."""


class Refused(CommandFailed):
    """An answer with a problem (RFC 9457): `status`, `code`, its detail as the message, and `told`,
    all that it says (Any: JSON)."""

    def __init__(self, status: int, detail: str, told: Mapping[str, Any], wait_s: int = 0) -> None:
        super().__init__(detail)
        self.status = status
        self.code = str(told.get("code", ""))
        self.told = told
        self.wait_s = wait_s  # what the portal asks for (Retry-After)
