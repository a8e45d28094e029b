"""Recorders sign their own requests; the portal knows their public keys since registration."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from protocol.errors import ProtocolError
from protocol.tokens import bearer, unverified_issuer, verify_recorder_token
from recorders.models import Recorder

# Checked where no recorder is known, so that unknown ids answer as forged tokens do (R3).
_NOBODY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
_FORGED = "The token is not signed by a registered recorder."


class RecorderTokenAuthentication(authentication.BaseAuthentication):
    """`request.auth` is the Recorder; there is no user."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Recorder] | None:
        token = bearer(request.headers.get("Authorization"))
        if token is None:
            return None
        return AnonymousUser(), authenticated_recorder(token, timezone.now())

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class NotRegisteredYet(RecorderTokenAuthentication):
    """Enrolment: the view checks the token itself. Says Bearer, or DRF makes each 401 a 403."""

    def authenticate(self, request: Request) -> None:
        return None


class IsRecorder(permissions.BasePermission):
    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, Recorder)


def calling_recorder(request: Request) -> Recorder:
    """The recorder of a request that IsRecorder let through."""
    if not isinstance(request.auth, Recorder):
        raise exceptions.NotAuthenticated
    return request.auth


class RecorderTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = RecorderTokenAuthentication
    name = "recorderToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:  # Any: OpenAPI
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A short JWT that the recorder signs with its own key.",
        }


def authenticated_recorder(token: str, now: datetime) -> Recorder:
    """The recorder that signed the token; raises AuthenticationFailed (401)."""
    recorder = _claimed(token)
    key = recorder.public_key if recorder else _NOBODY
    try:
        verify_recorder_token(key, token, int(now.timestamp()))
    except ProtocolError as error:
        _refuse(error)
    if recorder is None:
        raise exceptions.AuthenticationFailed(_FORGED, "token_invalid")
    if recorder.removed_at is not None:
        raise exceptions.AuthenticationFailed(
            "This recorder was removed from the portal.", "recorder_unknown"
        )
    return recorder


def prove_possession(token: str | None, key: dict[str, str], now: datetime) -> None:
    """That whoever enrols holds the private half of `key`; raises AuthenticationFailed."""
    if token is None:
        raise exceptions.AuthenticationFailed("The recorder's token is missing.", "token_invalid")
    try:
        issuer = verify_recorder_token(key, token, int(now.timestamp()))
    except ProtocolError as error:
        _refuse(error)
    if issuer != key["kid"]:
        raise exceptions.AuthenticationFailed("The token is from another key.", "token_invalid")


def _claimed(token: str) -> Recorder | None:
    try:
        recorder_id = UUID(unverified_issuer(token))
    except ValueError:
        return None
    recorders = Recorder.objects.select_related("organisation__access", "network")
    recorder: Recorder | None = recorders.filter(pk=recorder_id).first()
    return recorder


def _refuse(error: ProtocolError) -> NoReturn:
    if error.code == "token_expired":
        raise exceptions.AuthenticationFailed(error.message, error.code) from None
    raise exceptions.AuthenticationFailed(_FORGED, "token_invalid") from None
