"""Who is at the other end of a WebSocket of our pages, and how they are here."""

from __future__ import annotations

from typing import Any

from django.contrib import auth
from django.http import HttpRequest

from accounts import view_as
from accounts.middleware import with_request_circumstances
from accounts.models import User
from accounts.session_store import SessionStore


def person_of_scope(scope: dict[str, Any]) -> User | None:  # Any: ASGI's shapes
    """The person, as a page that they asked for now would have it: the connection may be hours old
    and its session over since. None when nobody is signed in, or viewing as another is over."""
    request = _request(scope)
    request.user = with_request_circumstances(request, auth.get_user(request))
    found = view_as.looking(request)
    return found if isinstance(found, User) else None


def _request(scope: dict[str, Any]) -> HttpRequest:
    """What a page's request says of its client and session."""
    request = HttpRequest()
    request.session = SessionStore(scope["session"].session_key)
    request.META["REMOTE_ADDR"] = (scope.get("client") or [""])[0] or ""
    for name, value in scope.get("headers", []):
        if name == b"x-forwarded-for":
            request.META["HTTP_X_FORWARDED_FOR"] = value.decode("latin-1")
    return request
