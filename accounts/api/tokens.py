"""Sign in for a token; one's own tokens; who am I."""

from __future__ import annotations

from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.core.internal import ratelimit
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.problems import Problem
from accounts.api.serializers import (
    ApiTokenSerializer,
    CredentialsSerializer,
    MeSerializer,
    NewApiTokenSerializer,
)
from accounts.api_tokens import issue_api_token, withdraw_api_token
from accounts.audit import Actor
from accounts.client_address import client_address
from accounts.errors import NotPossible
from accounts.middleware import memberships_of
from accounts.models import ApiToken, User
from accounts.permissions import person_of


class SignInView(APIView):
    """POST: a token for a program, for e-mail address and password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        auth=[],
        request=CredentialsSerializer,
        responses={201: NewApiTokenSerializer},
        operation_id="sign_in",
    )
    def post(self, request: Request) -> Response:
        wanted = CredentialsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        found = wanted.validated_data
        user = _authenticated(request, found["email"].lower(), found["password"])
        actor = Actor(user, user.login, client_address(request))
        try:
            token, key = issue_api_token(user, found["name"], actor, timezone.now())
        except NotPossible as error:
            raise Problem(409, error.code, error.message) from None
        body = {**ApiTokenSerializer(token).data, "token": key}
        return Response(body, status=201)


def _authenticated(request: Request, email: str, password: str) -> User:
    """Counted together with the sign-in page, and answers alike for unknown people (A7)."""
    plain = request._request  # allauth knows Django's request only
    if not ratelimit.consume(plain, app="allauth.account", action="login"):
        raise Problem(429, "too_many_attempts", "Too many attempts. Wait a few minutes.")
    try:
        user = get_adapter(plain).authenticate(plain, email=email, password=password)
    except ValidationError as error:  # its limit of failed attempts
        raise Problem(429, "too_many_attempts", error.messages[0]) from None
    if not isinstance(user, User) or not user.is_active:
        raise Problem(401, "wrong_credentials", "The e-mail address and password do not match.")
    return user


class TokenListView(APIView):
    """GET: one's own tokens, without their keys."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(responses={200: ApiTokenSerializer(many=True)}, operation_id="tokens_list")
    def get(self, request: Request) -> Response:
        tokens = ApiToken.objects.visible_to(request.user).order_by("-created_at")
        return Response(ApiTokenSerializer(tokens, many=True).data)


class TokenView(APIView):
    """DELETE: withdraws the token at once."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(responses={204: None}, operation_id="tokens_withdraw")
    def delete(self, request: Request, token_id: UUID) -> Response:
        tokens = ApiToken.objects.visible_to(request.user).select_related("user")
        withdraw_api_token(get_object_or_404(tokens, pk=token_id), Actor.of(request))
        return Response(status=204)


class MeView(APIView):
    """Oneself, and where one belongs."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(responses={200: MeSerializer}, operation_id="me")
    def get(self, request: Request) -> Response:
        return Response(_me(request))

    @extend_schema(request=MeSerializer, responses={200: MeSerializer}, operation_id="me_change")
    def patch(self, request: Request) -> Response:
        wanted = MeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = person_of(request)
        user.name = wanted.validated_data["name"]
        user.save(update_fields=["name"])
        return Response(_me(request))


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
    body = {"id": user.pk, "email": user.email, "name": user.name, "organisations": organisations}
    return MeSerializer(body).data
