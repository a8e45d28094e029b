"""Django's test client takes the key of a session for its cookie; here they differ."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.test import Client

from accounts.session_store import SessionStore


def sessions_by_cookie() -> None:
    """For all test clients of this process."""
    Client.session = property(_session)  # type: ignore[assignment,method-assign]
    Client._set_login_cookies = _set_login_cookies  # type: ignore[attr-defined]


def _session(client: Client) -> SessionStore:
    shown = client.cookies.get(settings.SESSION_COOKIE_NAME)
    store = SessionStore.of_cookie(shown and shown.value)
    if shown is None:
        store.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = store.cookie
    return store


def _set_login_cookies(client: Client, request: Any) -> None:  # Any: its session is ours
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.cookie
