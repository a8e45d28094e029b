"""Browser sessions: in the database, with copies in the cache that all portal processes share.

Both know a session by a digest of its cookie alone, and hold it encrypted: who reads a backup signs
in with none of it, and finds no link, code or secret that a person is in the middle of using.
"""

from __future__ import annotations

import logging
import secrets
import time
from hashlib import sha256
from typing import Any, Self

from django.conf import settings
from django.contrib.sessions.backends import db
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

from accounts.encrypted import decrypt, encrypt

KEY_DIGITS = 40  # as wide as Django's and allauth's columns
OF = "of"  # which session the data is of: its key
STARTED = "signed_in_at"  # Unix seconds; in sessions of people who are signed in

logger = logging.getLogger(__name__)


class SessionStore(db.SessionStore):
    """Without the cache the database answers, so that who watches can renew tokens (R10).

    Signing out reaches the cache first or fails: a copy that stayed would sign the person in again.
    A mark there outlives it: whoever read the row before it was gone keeps no copy that counts, and
    where the deletion is rolled back the database answers alone.
    A session ends when it was not used for a while (its cookie's age), and some time after the
    sign-in in any case, wherever it is read: pages, API, websockets.
    """

    cookie = ""  # known while a request that showed it lasts, and when it is new

    @classmethod
    def of_cookie(cls, cookie: str | None) -> Self:
        """What a browser showed; elsewhere a session is named by its key."""
        store = cls(key_of(cookie) if cookie else None)
        store.cookie = cookie or ""
        return store

    def _get_new_session_key(self) -> str:
        self.cookie = secrets.token_urlsafe(32)
        return key_of(self.cookie)

    def encode(self, session_dict: dict[str, Any]) -> str:
        return encrypt(super().encode(session_dict))

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Empty for what no key of ours opens, and for what Django did not sign."""
        text = str(session_data)
        try:
            text = decrypt(text)
        except ImproperlyConfigured:  # of before sessions were encrypted, or of a key that is gone
            logger.debug("a session is not encrypted with a key of ours")
        return super().decode(text)

    def load(self) -> dict[str, Any]:
        data = self._copy()
        if data.get(OF) != self.session_key:
            data = self._stored()
        if is_over(data, time.time()):
            self._session_key = None  # as Django does for one that is not there
            return {}
        return data

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()  # which saves
            return
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # not in the stubs
        data[OF] = self.session_key
        super().save(must_create=must_create)
        self._keep_copy(self.encode(data), self.get_expiry_age())

    def delete(self, session_key: str | None = None) -> None:
        known = session_key or self.session_key
        if known is None:
            return
        cache.set(end_of(known), 1, settings.SESSION_COOKIE_AGE)  # as long as any copy
        cache.delete(copy_of(known))
        super().delete(known)

    def _copy(self) -> dict[str, Any]:
        """Empty for none, and for one of a session that was ended."""
        key = self.session_key or ""
        try:
            kept = cache.get_many([copy_of(key), end_of(key)])
        except RedisError:
            return {}
        copy = kept.get(copy_of(key))
        return self.decode(copy) if isinstance(copy, str) and end_of(key) not in kept else {}

    def _stored(self) -> dict[str, Any]:
        stored = self._get_session_from_db()  # type: ignore[attr-defined]  # not in the stubs
        if stored is None:
            return {}
        self._keep_copy(stored.session_data, self.get_expiry_age(expiry=stored.expire_date))
        return self.decode(stored.session_data)

    def _keep_copy(self, encoded: str, seconds: int) -> None:
        """The look comes after: an end that it misses finds the copy, and takes it away itself."""
        key = self.session_key or ""
        try:
            cache.set(copy_of(key), encoded, seconds)
            if end_of(key) in cache:
                cache.delete(copy_of(key))
        except RedisError as error:
            logger.warning("no copy of a session is kept: %s", error)


def copy_of(session_key: str) -> str:
    """Its name in the cache."""
    return f"session.{session_key}"


def end_of(session_key: str) -> str:
    """The name of the mark that it was ended."""
    return f"ended.{session_key}"


def key_of(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()[:KEY_DIGITS]


def is_over(data: dict[str, Any], now: float) -> bool:
    return now - float(data.get(STARTED, now)) > settings.CONTERA_SESSION_LIFETIME
