"""Issues a token over the API: for sign-in, for oneself, for a service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import Problem
from accounts.api.serializers import ApiTokenSerializer
from accounts.api_tokens import NewToken, issue_api_token
from accounts.audit import Actor
from accounts.models import ApiToken, Organisation, User


def issued(
    user: User,
    wanted: Mapping[str, Any],  # what NewTokenSerializer found
    actor: Actor,
    now: datetime,
    organisation: Organisation | None = None,
    *,
    is_strong: bool = False,
    by_provider: bool = False,
) -> Response:
    """201 with the token and, this once, its key. `organisation` binds it, whatever is wanted."""
    scopes = wanted["scopes"]
    new = NewToken(
        wanted["name"],
        wanted["days"],
        None if scopes is None else frozenset(scopes),
        wanted["client"],
        organisation or _organisation(user, wanted["organisation"]),
        is_strong,
        by_provider,
    )
    token, key = issue_api_token(user, new, actor, now)
    return Response({**ApiTokenSerializer(token).data, "token": key}, status=201)


def require_fresh_sign_in(request: Request) -> None:
    """A page that somebody left open makes no tokens (A8)."""
    is_page = not isinstance(request.auth, ApiToken)
    if is_page and is_reauthentication_required(request._request, app=""):
        detail = "Type your password again first."
        raise Problem(403, "reauthentication_required", detail)


def _organisation(user: User, wanted: object) -> Organisation | None:
    if wanted is None:
        return None
    found: Organisation | None = Organisation.objects.visible_to(user).filter(pk=wanted).first()
    if found is None:
        raise Problem(400, "unknown", f"organisation: you do not belong to {wanted}.")
    return found
