"""API tokens of a person: issue, withdraw."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import ApiToken, User
from accounts.sign_ins import record_for_person

MAX_TOKENS = 20  # of a person; more is a program that never withdraws


@transaction.atomic
def issue_api_token(user: User, name: str, actor: Actor, now: datetime) -> tuple[ApiToken, str]:
    """The token and its key, which is shown once."""
    if user.api_tokens.filter(expires_at__gt=now).count() >= MAX_TOKENS:
        raise NotPossible("too_many_tokens", f"You have {MAX_TOKENS} tokens: withdraw one first.")
    token, key = ApiToken.issue(user, name, now)
    record_for_person(user, actor, "api_token.created", name=name)
    return token, key


@transaction.atomic
def withdraw_api_token(token: ApiToken, actor: Actor) -> None:
    record_for_person(token.user, actor, "api_token.withdrawn", name=token.name)
    token.delete()
