"""Asking the API in tests."""

from __future__ import annotations

import json
from typing import Any

from cmr.api.message import Response
from cmr.api.routes import Api
from protocol.http_message import Request, header
from protocol.times import format_time, from_90k

START = "2027-01-15T08:00:00Z"  # NOW of the cast
END = "2027-01-15T08:00:03Z"


async def ask(
    api: Api, target: str, token: str | None, method: str = "GET", **headers: str
) -> Response:
    """The answer to one request; header names with _ for -."""
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    if token is not None:
        pairs.append(("Authorization", f"Bearer {token}"))
    return await api.handle(Request(method, target, tuple(pairs)))


def problem(response: Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return response.status, body(response)["code"]


def body(response: Response) -> dict[str, Any]:
    """A JSON body (Any: JSON)."""
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


async def content(response: Response) -> bytes:
    """All of a body, which is then given back."""
    try:
        if isinstance(response.body, bytes):
            return response.body
        return b"".join([chunk async for chunk in response.body])
    finally:
        await response.aclose()


def value(response: Response, name: str) -> str | None:
    return header(response.headers, name)


def at(ticks: int) -> str:
    return format_time(from_90k(ticks))
