"""Browser sessions: in the database, with copies in the cache that all portal processes share."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import cached_db
from redis.exceptions import RedisError

STARTED = "signed_in_at"  # Unix seconds; in sessions of people who are signed in


class SessionStore(cached_db.SessionStore):
    """Without the cache the database answers, so that who watches can renew tokens (R10).

    Signing out reaches the cache first or fails: a copy that stayed would sign the person in again.
    A session ends when it was not used for a while (its cookie's age), and some time after the
    sign-in in any case, wherever it is read: pages, API, websockets.
    """

    def load(self) -> dict[str, Any]:
        try:
            data: dict[str, Any] = super().load()
        except RedisError:
            stored = self._get_session_from_db()  # type: ignore[attr-defined]  # not in the stubs
            data = self.decode(stored.session_data) if stored else {}
        if is_over(data, time.time()):
            self._session_key = None  # as Django does for one that is not there
            return {}
        return data

    def delete(self, session_key: str | None = None) -> None:
        known = session_key or self.session_key
        if known is not None:
            copy = self.cache_key_prefix + known
            self._cache.delete(copy)  # type: ignore[attr-defined]  # not in the stubs
        super().delete(session_key)


def is_over(data: dict[str, Any], now: float) -> bool:
    return now - float(data.get(STARTED, now)) > settings.CONTERA_SESSION_LIFETIME
