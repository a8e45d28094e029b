"""What people may not do to their organisation, in words they can read."""

from __future__ import annotations


class NotPossible(Exception):
    """A change that the rules refuse; `code` is stable, `message` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
