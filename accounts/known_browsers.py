"""Browsers and addresses from which a person signed in before.

They have a budget of wrong tries of their own, so that somebody who guesses elsewhere never keeps
the owner of an account out (A7). Knowing one gives nothing else: no sign-in, no second factor.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

COOKIE = "contera_browser"
LIFETIME = timedelta(days=180)
ADDRESS_LIFETIME = timedelta(days=30)
MAX_PEOPLE = 8  # of one browser: the last ones, so that the cookie stays small
_SALT = "accounts.known_browsers"


@dataclass(frozen=True)
class Browser:
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    people: tuple[str, ...] = ()  # digests of who signed in here, the last one last

    def with_person(self, digest: str) -> Browser:
        others = [known for known in self.people if known != digest]
        return Browser(self.id, (*others, digest)[-MAX_PEOPLE:])


def digest_of(login: str) -> str:
    """Stands for a login in the cookie and the cache, whether somebody has it or not."""
    return salted_hmac(_SALT, login.strip().lower(), algorithm="sha256").hexdigest()[:32]


def browser_of(request: HttpRequest) -> Browser:
    """What the cookie says; a new browser when there is none, or one that is not ours."""
    try:
        kept = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return Browser()
    return Browser(str(kept["id"]), tuple(kept["people"]))


def knows(request: HttpRequest, login: str) -> str | None:
    """The browser's id, if this login was used in it before."""
    browser = browser_of(request)
    return browser.id if digest_of(login) in browser.people else None


def knows_address(address: str, login: str) -> bool:
    return bool(cache.get(_address_key(address, login)))


def remember(request: HttpRequest, response: HttpResponse, login: str, address: str) -> None:
    """After a sign-in: the browser by a cookie, the address for a month."""
    browser = browser_of(request).with_person(digest_of(login))
    response.set_cookie(
        COOKIE,
        signing.dumps({"id": browser.id, "people": browser.people}, salt=_SALT),
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    remember_address(address, login)


def remember_address(address: str, login: str) -> None:
    cache.set(_address_key(address, login), True, ADDRESS_LIFETIME.total_seconds())


def _address_key(address: str, login: str) -> str:
    return f"known-address:{digest_of(login)}:{digest_of(address)}"
