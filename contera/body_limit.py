"""Bounds the body of a request before Django sees it.

Django keeps a body of any size (on disk, then in memory once a parser reads it) before it knows
who is asking; its own limit looks at Content-Length alone, which a chunked request does not have.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from protocol.errors import PROBLEM_CONTENT_TYPE, problem

# Any: ASGI's own untyped dictionaries.
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class BodyTooLarge(Exception):
    """More bytes came than the limit allows."""


def limited(application: Application, max_bytes: int) -> Application:
    """The ASGI application, with 413 for a body of more than `max_bytes`."""

    async def bounded(scope: Any, receive: Receive, send: Send) -> None:
        if _announced(scope) > max_bytes:
            await _refuse(send, max_bytes)
            return
        try:
            await application(scope, _counted(receive, max_bytes), send)
        except BodyTooLarge:  # Django reads the whole body before it answers anything
            await _refuse(send, max_bytes)

    return bounded


def _announced(scope: Any) -> int:
    """The server has checked that Content-Length is one number."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values else 0


def _counted(receive: Receive, max_bytes: int) -> Receive:
    size = 0

    async def counted() -> Any:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > max_bytes:
            raise BodyTooLarge
        return message

    return counted


async def _refuse(send: Send, max_bytes: int) -> None:
    """The connection ends: the rest of the body is not wanted."""
    detail = f"The body has more than {max_bytes} bytes."
    body = json.dumps(problem(413, "too_large", detail)).encode()
    headers = [
        (b"content-type", PROBLEM_CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
