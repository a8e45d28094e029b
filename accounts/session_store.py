"""Browser sessions: in the database, with copies in the cache that all portal processes share."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import cached_db
from redis.exceptions import RedisError


class SessionStore(cached_db.SessionStore):
    """Without the cache the database answers, so that who watches can renew tokens (R10).

    Signing out reaches the cache first or fails: a copy that stayed would sign the person in again.
    """

    def load(self) -> dict[str, Any]:
        try:
            data: dict[str, Any] = super().load()
        except RedisError:
            stored = self._get_session_from_db()  # type: ignore[attr-defined]  # not in the stubs
            data = self.decode(stored.session_data) if stored else {}
        return data

    def delete(self, session_key: str | None = None) -> None:
        known = session_key or self.session_key
        if known is not None:
            copy = self.cache_key_prefix + known
            self._cache.delete(copy)  # type: ignore[attr-defined]  # not in the stubs
        super().delete(session_key)
