"""How often something may be tried or asked for, counted in the cache that all processes share.

Counting comes first and is given back when it was no failure, so that requests sent at once cannot
all slip through. Without the cache nothing is counted and nothing is let through: `RedisError`
becomes "not available now" in words (contera.outage, accounts.api.problems).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache

from accounts.errors import NotPossible


@dataclass(frozen=True)
class Limit:
    """At most `amount` in each `period_s` by the clock."""

    name: str
    amount: int
    period_s: int


# What asks for mails or makes secrets; of a person or of an organisation.
INVITATIONS = Limit("invitations", 2000, 3600)  # of an organisation: a list of people at once
INVITATIONS_AGAIN = Limit("invitations-again", 5, 3600)  # of one membership
PASSWORD_MAILS = Limit("password-mails", 3, 3600)  # of one address
PASSWORD_LINKS = Limit("password-links", 10, 3600)  # of one person, by administrators
EMAIL_CHANGES = Limit("email-changes", 5, 3600)  # of one person


@dataclass(frozen=True)
class Counted:
    """What was taken of some limits; failures keep it, successes give it back."""

    keys: Sequence[str]

    def give_back(self) -> None:
        for key in self.keys:
            try:
                cache.decr(key)
            except ValueError:  # the period is over
                continue


def take(*limits: tuple[Limit, object]) -> Counted | None:
    """One of each limit, for whoever stands beside it; nothing, and None, when one is used up."""
    counted = Counted([_key(limit, who) for limit, who in limits])
    for key, (limit, _) in zip(counted.keys, limits, strict=True):
        cache.add(key, 0, timeout=limit.period_s * 2)
    counts = [cache.incr(key) for key in counted.keys]
    if all(count <= limit.amount for count, (limit, _) in zip(counts, limits, strict=True)):
        return counted
    counted.give_back()
    return None


def require(limit: Limit, who: UUID | int | str, what: str) -> None:
    """Raises NotPossible when `who` used the limit up; `what` is the thing in words, plural."""
    if take((limit, who)) is None:
        period = "an hour" if limit.period_s <= 3600 else "a day"
        raise NotPossible(
            "too_many", f"{limit.amount} {what} in {period} are the most. Wait a while."
        )


def _key(limit: Limit, who: object) -> str:
    """The words of a stranger never become a key: they may be long, or hold spaces."""
    digest = hashlib.sha256(str(who).encode("utf-8", "replace")).hexdigest()[:32]
    return f"limit:{limit.name}:{int(time.time()) // limit.period_s}:{digest}"
