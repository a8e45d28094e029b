"""How long a request waits for PostgreSQL.

A server that is stopped or behind a broken network keeps its connections open and says nothing;
neither it nor the kernel ends them for minutes. Work outside of requests (worker, commands) waits
as long as it takes, because a migration or a backup may.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.errors import _WaitTimeout
from psycopg.rows import TupleRow

REQUEST_S = 6.0  # somebody looks at an empty page meanwhile
STATEMENT_S = 1.0  # what each has in any case: many short ones are work, not an outage


@dataclass
class _Patience:
    left_s: float


_patience: ContextVar[_Patience | None] = ContextVar("patience with the database", default=None)


@contextmanager
def as_a_request() -> Iterator[None]:
    """Statements inside wait for REQUEST_S together, each for STATEMENT_S at least."""
    token = _patience.set(_Patience(REQUEST_S))
    try:
        yield
    finally:
        _patience.reset(token)


class BoundedConnection(psycopg.Connection[TupleRow]):
    """Ends, with OperationalError, when its server does not answer a request in time."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        patience = _patience.get()
        if patience is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        began = time.monotonic()
        try:
            return super().wait(gen, interval, max(patience.left_s, STATEMENT_S))
        except _WaitTimeout:
            self.close()  # its answer may still come, to a question that nobody asks any more
            raise psycopg.OperationalError("the server did not answer in time") from None
        finally:
            patience.left_s -= time.monotonic() - began
