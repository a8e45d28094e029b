"""How many requests the API takes from whom, counted in the cache that all processes share.

Without the cache, reads and writes of people who are signed in go on uncounted: each is cheap,
bounded and in somebody's name, and who watches must be able to renew (R10). What anybody may try
without a name (sign-in, enrolment) is refused with 503: there the limit is what keeps guessing out.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request

from accounts.api.problems import Problem
from accounts.client_address import client_address
from accounts.models import ApiToken, User

logger = logging.getLogger(__name__)

WINDOW_S = 60
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Limit:
    """At most `requests` in each minute by the clock; `name` stands in the refusal."""

    name: str
    requests: int


# A page with 16 recorders renews 16 sessions every 30 s and reads a list every few seconds.
READS = Limit("reads", 1200)  # of one token, or of one person's pages
WRITES = Limit("writes", 300)
PERSON = Limit("person", 3000)  # all tokens and pages of a person or service together
RECORDER = Limit("recorder", 300)
ADDRESS = Limit("address", 120)  # callers without a name
WRONG_TOKENS = Limit("wrong_tokens", 60)  # per address


class TooManyRequests(Problem):
    """429; `wait` becomes Retry-After."""

    def __init__(self, limit: Limit, wait: int) -> None:
        detail = f"More than {limit.requests} requests in {WINDOW_S} s. Wait {wait} s."
        named = {"name": limit.name, "requests": limit.requests, "period_s": WINDOW_S}
        super().__init__(429, "throttled", detail, limit=named)
        self.wait = wait


def check(request: Request) -> None:
    """Counts the request; raises TooManyRequests, or Problem 503 where nothing can be counted."""
    user, by = request.user, request.auth
    if isinstance(user, User):
        kind = READS if request.method in SAFE_METHODS else WRITES
        token = f"token:{by.pk}" if isinstance(by, ApiToken) else f"pages:{user.pk}"
        _tolerantly(kind, token)
        _tolerantly(PERSON, str(user.pk))
    elif by is not None:
        _tolerantly(RECORDER, str(by.pk))
    else:
        _strictly(ADDRESS, client_address(request._request) or "unknown")


def count_wrong_token(request: Request) -> None:
    """Raises TooManyRequests for an address that tries one after another."""
    _tolerantly(WRONG_TOKENS, client_address(request._request) or "unknown")


def _tolerantly(limit: Limit, who: str) -> None:
    try:
        _count(limit, who, time.time())
    except (RedisError, OSError) as error:
        logger.warning("requests are not counted: Redis: %s", error)


def _strictly(limit: Limit, who: str) -> None:
    try:
        _count(limit, who, time.time())
    except (RedisError, OSError):
        detail = "The portal cannot count attempts just now; try again in a moment."
        raise Problem(503, "service_unavailable", detail) from None


def _count(limit: Limit, who: str, now: float) -> None:
    window = int(now // WINDOW_S)
    key = f"api:{limit.name}:{who}:{window}"
    try:
        count = cache.incr(key)
    except ValueError:  # the first of this minute
        count = 1 if cache.add(key, 1, 2 * WINDOW_S) else cache.incr(key)
    if count > limit.requests:
        raise TooManyRequests(limit, int((window + 1) * WINDOW_S - now) + 1)
