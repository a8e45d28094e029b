"""Sign in for a token."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.core.internal import ratelimit
from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.new_tokens import issued
from accounts.api.problems import Problem
from accounts.api.serializers import CredentialsSerializer, IssuedTokenSerializer
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.client_address import client_address
from accounts.models import User


class SignInView(ApiView):
    """POST: a token for a program, for e-mail address and password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        auth=[],
        request=CredentialsSerializer,
        responses={201: IssuedTokenSerializer},
        operation_id="sign_in",
    )
    def post(self, request: Request) -> Response:
        found = checked(CredentialsSerializer, request)
        user = _authenticated(request, found["email"].lower(), found["password"])
        actor = Actor(user, user.login, client_address(request))
        return issued(user, found, actor, timezone.now())


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
