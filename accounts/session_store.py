"""Browser sessions: in the database, with copies in the cache that all portal processes share."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import cached_db
from redis.exceptions import RedisError

OF = "of"  # which session the data is of: a digest of its key
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
            data = self._stored()
        if data and data.get(OF) != _digest(self.session_key):
            data = self._stored()
        if is_over(data, time.time()):
            self._session_key = None  # as Django does for one that is not there
            return {}
        return data

    def save(self, must_create: bool = False) -> None:
        if self.session_key is not None:  # else create() makes one, and saves again
            data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # not in the stubs
            data[OF] = _digest(self.session_key)
        super().save(must_create=must_create)

    def _stored(self) -> dict[str, Any]:
        stored = self._get_session_from_db()  # type: ignore[attr-defined]  # not in the stubs
        return self.decode(stored.session_data) if stored else {}

    def delete(self, session_key: str | None = None) -> None:
        known = session_key or self.session_key
        if known is not None:
            copy = self.cache_key_prefix + known
            self._cache.delete(copy)  # type: ignore[attr-defined]  # not in the stubs
        super().delete(session_key)


def _digest(session_key: str | None) -> str:
    return hashlib.sha256((session_key or "").encode()).hexdigest()


def is_over(data: dict[str, Any], now: float) -> bool:
    return now - float(data.get(STARTED, now)) > settings.CONTERA_SESSION_LIFETIME
