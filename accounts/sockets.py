"""Who is at the other end of a WebSocket of our pages, and how they are here."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.middleware import with_request_circumstances
from accounts.models import User


def person_of_scope(scope: dict[str, Any]) -> User | None:  # Any: ASGI's shapes
    """The person, read anew: a connection may be hours old. None when nobody is signed in."""
    user = User.objects.filter(pk=scope["user"].pk).first()
    found = user and with_request_circumstances(_request(scope), user)
    return found if isinstance(found, User) else None


def _request(scope: dict[str, Any]) -> HttpRequest:
    """What a page's request says of its client and session."""
    request = HttpRequest()
    request.session = scope["session"]
    request.META["REMOTE_ADDR"] = (scope.get("client") or [""])[0] or ""
    for name, value in scope.get("headers", []):
        if name == b"x-forwarded-for":
            request.META["HTTP_X_FORWARDED_FOR"] = value.decode("latin-1")
    return request
