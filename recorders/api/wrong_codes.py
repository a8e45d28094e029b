"""Counts wrong registration codes per address, in the cache that all portal processes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache
from redis.exceptions import RedisError

from accounts.api.problems import Problem

MAX_WRONG = 10
WINDOW_S = 600


@contextmanager
def limited(address: str | None) -> Iterator[None]:
    """Counts a refusal inside the block against the address; raises Problem 429 before it when
    there were MAX_WRONG in WINDOW_S.

    Without the cache nobody is let through unlimited: 503, and a recorder tries again.
    """
    key = f"wrong-codes:{address}"
    if _read(key) >= MAX_WRONG:
        raise Problem(429, "throttled", "Too many wrong codes from this address. Wait ten minutes.")
    try:
        yield
    except Problem:
        _count(key)
        raise


def _read(key: str) -> int:
    try:
        return int(cache.get(key, 0))
    except (RedisError, OSError):
        raise Problem(503, "try_again", "The portal cannot check codes just now.") from None


def _count(key: str) -> None:
    """The window starts with the first wrong code; `add` keeps its end."""
    try:
        if not cache.add(key, 1, WINDOW_S):
            cache.incr(key)
    except (RedisError, OSError, ValueError):  # ValueError: the window ended in between
        return
