"""Who calls the API: `Authorization: Token …` for programs, the session cookie for our pages."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts.api import limits
from accounts.circumstances import Circumstances
from accounts.client_address import client_address
from accounts.models import ApiToken, User
from accounts.single_sign_on.sessions import may_come_through

LAST_USED_STEP = timedelta(minutes=1)  # not a write per request


class SessionAuthentication(authentication.SessionAuthentication):
    """As DRF's, with a 401 (not 403) for callers who are not signed in."""

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class ApiTokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "token":
            return None
        token = _find(key.strip(" "))
        if token is None:
            limits.count_wrong_token(request)
            raise exceptions.AuthenticationFailed("The API token is unknown, expired or withdrawn.")
        token.user.circumstances = Circumstances(
            client=token.client,
            address=client_address(request._request),
            is_strong=token.is_strong,
            provider_of=_provider_of(token),
            only_organisation=token.organisation_id,
            scopes=None if token.scopes is None else frozenset(token.scopes),
        )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"


def _provider_of(token: ApiToken) -> UUID | None:
    """A token that was made through a provider stands on it, as a session does."""
    organisation = token.organisation_id if token.by_provider else None
    is_standing = organisation is not None and may_come_through(token.user, organisation)
    return organisation if is_standing else None


def _find(key: str) -> ApiToken | None:
    now = timezone.now()
    token: ApiToken | None = (
        ApiToken.objects.select_related("user")
        .filter(digest=ApiToken.digest_of(key), expires_at__gt=now, user__is_active=True)
        .first()
    )
    if token and (token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP):
        token.last_used_at = now
        token.save(update_fields=["last_used_at"])
    return token
