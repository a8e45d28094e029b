"""A new password for oneself."""

from __future__ import annotations

from allauth.account.signals import password_changed
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.serializers import NewPasswordSerializer
from accounts.api.tokens import known
from accounts.api.views import ApiView
from accounts.api_tokens import withdraw_all
from accounts.audit import Actor
from accounts.models import ApiToken, User
from accounts.permissions import person_of
from accounts.scopes import WHOLE_TOKEN
from accounts.sign_ins import tell_new_password

NOT_CURRENT = "This is not your current password."


class PasswordView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"PUT": WHOLE_TOKEN}

    @extend_schema(
        request=NewPasswordSerializer, responses={204: None}, operation_id="me_new_password"
    )
    def put(self, request: Request) -> Response:
        """Change your own password. You are signed out everywhere else."""
        user, wanted = person_of(request), checked(NewPasswordSerializer, request)
        _require_own(user)
        if known(request, user.login, wanted["current_password"]) != user:
            raise serializers.ValidationError({"current_password": [NOT_CURRENT]})
        try:
            validate_password(wanted["new_password"], user)
        except ValidationError as error:
            raise serializers.ValidationError({"new_password": error.messages}) from None
        _change(request, user, wanted["new_password"], keep_tokens=wanted["keep_tokens"])
        return Response(status=204)


def _require_own(user: User) -> None:
    if user.circumstances.provider_of is not None:
        raise PermissionDenied("Your organisation looks after your sign-in.")
    if not user.has_usable_password():
        raise Problem(409, "no_password", "Your account has no password: you sign in another way.")


@transaction.atomic
def _change(request: Request, user: User, password: str, *, keep_tokens: bool) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    if not keep_tokens:
        withdraw_all(user, Actor.of(request))
    if isinstance(request.auth, ApiToken):
        tell_new_password(user, Actor.of(request), "person.password_changed")
    else:  # of our pages: their session goes on
        update_session_auth_hash(request._request, user)
        password_changed.send(sender=User, request=request._request, user=user)
