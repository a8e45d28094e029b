"""Sessions at a recorder: open one, renew its token."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.client_address import client_address
from accounts.models import ApiToken
from accounts.permissions import person_of
from recorders.doors import visible_recorder
from streaming import services
from streaming.api.serializers import (
    OpenSessionSerializer,
    RenewSessionSerializer,
    SessionSerializer,
    TokenSerializer,
    session_body,
)
from streaming.broker.facts import Page, Viewer


class SessionView(ApiView):
    """POST: an access token and the ways to reach the recorder."""

    scopes = {"POST": ("live", "playback", "export")}

    @extend_schema(request=OpenSessionSerializer, responses={201: SessionSerializer})
    def post(self, request: Request, recorder_id: UUID) -> Response:
        recorder = visible_recorder(request, recorder_id)
        wanted = checked(OpenSessionSerializer, request)
        session = services.open_session(
            person_of(request),
            recorder,
            services.Wanted(wanted["path"], _origin(request), _viewer(request)),
            Actor.of(request),
            timezone.now(),
        )
        return Response(SessionSerializer(session_body(session)).data, status=201)


class TokenView(ApiView):
    """POST: a fresh access token for a running session, with the rights of this moment."""

    scopes = {"POST": ("live", "playback", "export")}

    @extend_schema(request=RenewSessionSerializer, responses={200: TokenSerializer})
    def post(self, request: Request, recorder_id: UUID) -> Response:
        recorder = visible_recorder(request, recorder_id)
        wanted = checked(RenewSessionSerializer, request)
        session_id = wanted["session_id"]
        try:
            token = services.renew_session(person_of(request), recorder, session_id, timezone.now())
        except services.SessionUnknown:
            raise Problem(404, "session_not_found", "Open a session first.") from None
        body = {
            "token": token.text,
            "expires_at": token.expires_at,
            "renew_after_s": token.renew_after_s,
        }
        return Response(TokenSerializer(body).data)


def _viewer(request: Request) -> Viewer:
    """Our pages sign in by cookie, programs by token; only pages are bound by a browser's rules."""
    is_page = not isinstance(request.auth, ApiToken)
    is_https = settings.IS_HTTPS or request.is_secure()
    page = (Page.HTTPS if is_https else Page.HTTP) if is_page else Page.NONE
    return Viewer(client_address(request), page)


def _origin(request: Request) -> str:
    """Scheme, host and port by which the caller reached the portal; the host is an allowed one."""
    scheme = "https" if settings.IS_HTTPS else "http"
    return f"{scheme}://{request.get_host()}"
