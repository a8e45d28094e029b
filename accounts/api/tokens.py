"""Sign in for a token."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import known_browsers, second_factor, sign_in_limits
from accounts.api.body import checked
from accounts.api.new_tokens import issued
from accounts.api.problems import Problem
from accounts.api.serializers import CredentialsSerializer, IssuedTokenSerializer
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.client_address import client_address
from accounts.models import User


class SignInView(ApiView):
    """POST: a token for a program, for e-mail address or user name, password and, if there is
    one, second factor."""

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
        user = known(request, found["email"], found["password"])
        if user is None:
            raise Problem(401, "wrong_credentials", "The name and the password do not match.")
        is_strong = _second_factor(request, user, found["code"])
        plain = request._request
        known_browsers.remember_address(sign_in_limits.site_of(plain), user.login)
        actor = Actor(user, user.login, client_address(plain))
        return issued(user, found, actor, timezone.now(), is_strong=is_strong)


def known(request: Request, login: str, password: str) -> User | None:
    """Counted together with the sign-in page, and answers alike for unknown people (A7)."""
    plain = request._request  # allauth knows Django's request only
    try:
        user = get_adapter(plain).authenticate(plain, username=login, password=password)
    except ValidationError as error:  # its limit of failed attempts
        raise Problem(429, "too_many_attempts", error.messages[0]) from None
    return user if isinstance(user, User) and user.is_active else None


def _second_factor(request: Request, user: User, code: str) -> bool:
    """Whether there was one; who has one needs it here too (A8)."""
    if not second_factor.has_one(user):
        return False
    if not code:
        detail = "Send `code` too: of the authenticator app, or a recovery code."
        raise Problem(401, "mfa_required", detail)
    try:
        shown = second_factor.use_code(request._request, user, code)
    except second_factor.TooManyTries:
        detail = "Too many wrong codes. Wait five minutes."
        raise Problem(429, "too_many_attempts", detail) from None
    if shown is None:
        raise Problem(401, "wrong_code", "This code is not right, or it was used already.")
    shown.record_usage()
    return True
