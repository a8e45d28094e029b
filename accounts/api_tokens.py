"""API tokens of a person or a service: issue, withdraw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.access import announce_change
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import ApiToken, Organisation, User
from accounts.scopes import SCOPES
from accounts.sign_ins import record_for_person

MAX_TOKENS = 20  # of a person; more is a program that never withdraws
MAX_DAYS = ApiToken.LIFETIME.days


@dataclass(frozen=True)
class NewToken:
    """What is asked for. A token is never good for more than its maker is."""

    name: str
    days: int = MAX_DAYS
    scopes: frozenset[str] | None = None  # None: everything the person may
    client: str = ApiToken.Client.PROGRAM
    organisation: Organisation | None = None  # None: all that the person belongs to
    is_strong: bool = False  # made after a second factor
    by_provider: bool = False  # made in a session of the provider of `organisation`


@transaction.atomic
def issue_api_token(
    user: User, wanted: NewToken, actor: Actor, now: datetime
) -> tuple[ApiToken, str]:
    """The token and its key, which is shown once."""
    User.objects.select_for_update().get(pk=user.pk)
    if user.api_tokens.filter(expires_at__gt=now).count() >= MAX_TOKENS:
        raise NotPossible("too_many_tokens", f"{MAX_TOKENS} tokens are the most: withdraw one.")
    scopes = None if wanted.scopes is None else in_order(wanted.scopes)
    token, key = ApiToken.issue(
        user,
        wanted.name,
        now,
        scopes=scopes,
        client=wanted.client,
        organisation=wanted.organisation,
        is_strong=wanted.is_strong,
        by_provider=wanted.by_provider,
        expires_at=now + timedelta(days=min(wanted.days, MAX_DAYS)),
    )
    record_for_person(user, actor, "api_token.created", **_facts(token))
    return token, key


@transaction.atomic
def withdraw_api_token(token: ApiToken, actor: Actor) -> None:
    """What is watched with it must ask again, and is refused."""
    record_for_person(token.user, actor, "api_token.withdrawn", **_facts(token))
    token.delete()
    announce_change([token.user])


@transaction.atomic
def withdraw_all(user: User, actor: Actor) -> int:
    """Of a person whose password may have been known to somebody else. How many there were."""
    tokens = list(user.api_tokens.all())
    for token in tokens:
        withdraw_api_token(token, actor)
    return len(tokens)


def in_order(scopes: frozenset[str]) -> list[str]:
    return [scope for scope in SCOPES if scope in scopes]


def _facts(token: ApiToken) -> dict[str, object]:
    return {
        "name": token.name,
        "scopes": "all" if token.scopes is None else token.scopes,
        "client": token.client,
        "expires_at": token.expires_at.isoformat(),
    }
