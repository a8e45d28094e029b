"""Errors that cross a wire: a stable code for programs and a sentence for people."""

from __future__ import annotations

from typing import Any

PROBLEM_CONTENT_TYPE = "application/problem+json"  # RFC 9457 §3


class ProtocolError(ValueError):
    """The other side sent something that is not the protocol.

    `code` is stable and may be compared by programs; the text names the thing and the fact.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def problem(status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """The body of an error answer: RFC 9457 with our `code` beside it.

    `extra` holds JSON values only (Any: it is serialised at once).
    """
    return {"type": "about:blank", "status": status, "code": code, "detail": detail, **extra}
