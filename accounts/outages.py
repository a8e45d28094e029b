"""Whether an error means that a part the portal needs is away, rather than a mistake of ours."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError, connection
from redis.exceptions import RedisError

# SQLite says OperationalError to wrong SQL, too.
_SQLITE_IS_AWAY = ("locked", "unable to open", "disk i/o error", "disk is full")


def lost_part(error: BaseException) -> str:
    """Its name for people; empty when the error is none of these."""
    if isinstance(error, RedisError):
        return "Redis"
    if isinstance(error, InterfaceError):
        return "the database"
    if isinstance(error, OperationalError) and (
        connection.vendor != "sqlite" or any(word in str(error) for word in _SQLITE_IS_AWAY)
    ):
        return "the database"
    return ""
