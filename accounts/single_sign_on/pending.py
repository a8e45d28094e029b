"""A sign-in that is under way at the identity provider: kept by the browser, which it binds.

An encrypted cookie, so that nobody who only asks leaves a row behind (B1: a sign-in that began in
one browser ends in no other).
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from accounts.encrypted import decrypt, encrypt

COOKIE = "sign_on"
LIFETIME_S = 600  # to sign in at the provider, with a second factor


@dataclass(frozen=True)
class Pending:
    provider: str  # its id
    state: str  # OpenID Connect's, or the id of the SAML request
    nonce: str
    verifier: str  # RFC 7636
    started_at: int  # Unix seconds
    next: str = ""
    tried_by: str = ""  # the administrator who only tries it out

    @classmethod
    def new(cls, provider: str, next_page: str = "", tried_by: str = "") -> Pending:
        token = secrets.token_urlsafe
        # An XML id must not begin with a digit.
        return cls(
            provider, f"_{token(32)}", token(32), token(48), int(time.time()), next_page, tried_by
        )


def keep(response: HttpResponse, pending: Pending) -> None:
    response.set_cookie(
        COOKIE,
        encrypt(json.dumps(asdict(pending))),
        max_age=LIFETIME_S,
        path="/sign-in/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def kept(request: HttpRequest) -> Pending | None:
    """What this browser began, unless it is too old."""
    try:
        pending = Pending(**json.loads(decrypt(request.COOKIES.get(COOKIE, ""))))
    except (ValueError, TypeError, InvalidToken, ImproperlyConfigured):
        return None
    return pending if 0 <= time.time() - pending.started_at <= LIFETIME_S else None


def forget(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, path="/sign-in/", samesite="Lax")
