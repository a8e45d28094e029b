"""Answers of the API, and the error that becomes one.

Requests are `protocol.http_message.Request`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

from protocol.errors import PROBLEM_CONTENT_TYPE, problem
from protocol.http_message import Headers
from protocol.times import TICKS_PER_S, from_90k

MAX_CHUNK_BYTES = 256 * 1024  # of a stream; what one door holds for one slow reader


class Body(Protocol):
    """A body that comes in chunks: iterate it once, and close it whatever happened."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Gives back files and subscriptions; safe to call twice."""


@dataclass(frozen=True)
class Response:
    """Status, headers and a body. `is_live`: endless, each chunk is one whole segment.

    Whoever receives it calls `aclose` when done, also when nothing was sent.
    """

    status: int
    headers: Headers = ()
    body: bytes | Body = b""
    is_live: bool = False

    async def aclose(self) -> None:
        if not isinstance(self.body, bytes):
            await self.body.aclose()


class ApiError(Exception):
    """A request that is refused; becomes a problem document (RFC 9457). `extra` is JSON."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Headers = (), **extra: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers
        self.extra = extra

    @classmethod
    def bad_parameter(cls, name: str, fact: str) -> Self:
        """400: `name` is the parameter, `fact` what is wrong with it."""
        return cls(400, "bad_parameter", f"{name}: {fact}", parameter=name)

    def response(self) -> Response:
        body = problem(self.status, self.code, str(self), **self.extra)
        headers = (("Content-Type", PROBLEM_CONTENT_TYPE), *self.headers)
        return Response(self.status, headers, json.dumps(body).encode())


def json_response(body: dict[str, Any], status: int = 200) -> Response:
    """A JSON object (Any: serialised at once)."""
    return Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode())


def exact_time(ticks: int) -> str:
    """RFC 3339 with microseconds, rounded up: `to_90k` of it is exactly `ticks` again.

    A viewer that asks on from where a piece ended must not get the group before once more.
    """
    seconds, rest = divmod(ticks, TICKS_PER_S)
    micros = -(-rest * 100 // 9)
    return f"{from_90k(seconds * TICKS_PER_S):%Y-%m-%dT%H:%M:%S}.{micros:06d}Z"
