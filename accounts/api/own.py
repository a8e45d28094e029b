"""Oneself: name, where one belongs, one's own tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.new_tokens import issued, require_fresh_sign_in
from accounts.api.problems import Problem
from accounts.api.serializers import (
    ApiTokenSerializer,
    IssuedTokenSerializer,
    MeSerializer,
    NewTokenSerializer,
    OwnSessionSerializer,
)
from accounts.api.views import ApiView
from accounts.api_tokens import withdraw_api_token
from accounts.audit import Actor
from accounts.middleware import memberships_of
from accounts.models import ApiToken
from accounts.permissions import person_of
from accounts.scopes import ANY_TOKEN, WHOLE_TOKEN
from accounts.sessions import end_session, own_sessions, sessions_of


class MeView(ApiView):
    """Oneself, where one belongs, and the token that one calls with."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": ANY_TOKEN, "PATCH": WHOLE_TOKEN}

    @extend_schema(responses={200: MeSerializer}, operation_id="me")
    def get(self, request: Request) -> Response:
        """Who am I, and what is my token good for?"""
        return Response(_me(request))

    @extend_schema(request=MeSerializer, responses={200: MeSerializer}, operation_id="me_change")
    def patch(self, request: Request) -> Response:
        """Change your own name."""
        user = person_of(request)
        user.name = checked(MeSerializer, request)["name"]
        user.save(update_fields=["name"])
        return Response(_me(request))


class TokensView(ApiView):
    """One's own tokens, at most 20."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": WHOLE_TOKEN, "POST": WHOLE_TOKEN}

    @extend_schema(responses={200: ApiTokenSerializer(many=True)}, operation_id="tokens_list")
    def get(self, request: Request) -> Response:
        """Your own tokens, without their keys."""
        tokens = ApiToken.objects.visible_to(request.user).order_by("-created_at")
        return Response(ApiTokenSerializer(tokens, many=True).data)

    @extend_schema(
        request=NewTokenSerializer,
        responses={201: IssuedTokenSerializer},
        operation_id="tokens_create",
    )
    def post(self, request: Request) -> Response:
        """A further token for yourself, for no longer and no more than the one you call with."""
        require_fresh_sign_in(request)
        found, user, now = checked(NewTokenSerializer, request), person_of(request), timezone.now()
        by, how = request.auth, user.circumstances
        if isinstance(by, ApiToken):
            found = {**found, "days": _days(by, found["days"], now)}
        if how.within is not None:
            found = {**found, "organisation": how.within}
        return issued(
            user,
            found,
            Actor.of(request),
            now,
            is_strong=how.is_strong,
            by_provider=how.provider_of is not None,
        )


def _days(token: ApiToken, wanted: int, now: datetime) -> int:
    """A token never outlives itself by a copy."""
    left = (token.expires_at - now).days
    if left < 1:
        raise Problem(409, "token_ends", "The token you call with ends within a day.")
    return min(wanted, left)


class TokenView(ApiView):
    """One of one's own tokens."""

    permission_classes = (IsAuthenticated,)
    scopes = {"DELETE": ANY_TOKEN}

    @extend_schema(responses={204: None}, operation_id="tokens_withdraw")
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Withdraw a token at once; one with limited scopes withdraws only itself."""
        tokens = ApiToken.objects.visible_to(request.user).select_related("user")
        by = request.auth
        if isinstance(by, ApiToken) and by.scopes is not None:
            tokens = tokens.filter(pk=by.pk)
        withdraw_api_token(get_object_or_404(tokens, pk=token_id), Actor.of(request))
        return Response(status=204)


class SessionsView(ApiView):
    """Where one is signed in to the pages."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": WHOLE_TOKEN}

    @extend_schema(responses={200: OwnSessionSerializer(many=True)}, operation_id="sessions_list")
    def get(self, request: Request) -> Response:
        """Your own sessions in browsers, the last used first."""
        return Response(
            OwnSessionSerializer(sessions_of(person_of(request), _key(request)), many=True).data
        )


class SessionView(ApiView):
    """One of one's own sessions."""

    permission_classes = (IsAuthenticated,)
    scopes = {"DELETE": WHOLE_TOKEN}

    @extend_schema(responses={204: None}, operation_id="sessions_end")
    def delete(self, request: Request, session_id: int) -> Response:
        """Sign out one of your own sessions."""
        mine = own_sessions(person_of(request), _key(request))
        end_session(get_object_or_404(mine, pk=session_id), Actor.of(request))
        return Response(status=204)


def _key(request: Request) -> str | None:
    """Of the browser session; None with a token."""
    return None if request.auth else request._request.session.session_key


def _me(request: Request) -> object:
    user = person_of(request)
    organisations = [
        {
            "id": m.organisation.pk,
            "name": m.organisation.name,
            "is_administrator": m.is_administrator,
        }
        for m in memberships_of(user)
    ]
    body = {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "organisations": organisations,
        "token": request.auth if isinstance(request.auth, ApiToken) else None,
    }
    return MeSerializer(body).data
