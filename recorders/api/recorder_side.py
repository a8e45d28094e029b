"""What recorders call: enrolment and heartbeat (docs/design/contracts.md §4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.client_address import client_address
from accounts.signing import portal_keys, portal_signer
from protocol.times import format_time
from protocol.tokens import PASS_LIFETIME_S, bearer, sign_relay_pass
from recorders.api import wrong_codes
from recorders.api.authentication import (
    IsRecorder,
    NotRegisteredYet,
    RecorderTokenAuthentication,
    calling_recorder,
    prove_possession,
)
from recorders.api.body import BoundedJsonParser
from recorders.api.recorder_side_shapes import (
    ApplicationShape,
    EnrolledShape,
    HeartbeatAnswerShape,
    HeartbeatShape,
    PreflightFactsShape,
)
from recorders.models import HEARTBEAT_S, Recorder
from recorders.reports import parse_application, parse_heartbeat
from recorders.services.bundle import access_version
from recorders.services.heartbeats import RecorderRemoved, note_heartbeat
from recorders.services.network import settings_body, stun_servers
from recorders.services.registration import CodeRefused, register
from recorders.services.whitelist_letter import targets_of
from recorders.whitelist import Target

_STATUS = {"code_unknown": 400, "code_used": 410, "code_expired": 410}


class EnrolView(ApiView):
    """POST: registers a recorder with a one-time code; whoever has the code may."""

    authentication_classes = (NotRegisteredYet,)
    permission_classes = (AllowAny,)
    parser_classes = (BoundedJsonParser,)

    @extend_schema(
        request=ApplicationShape,
        responses={201: EnrolledShape},
        auth=[{"recorderToken": []}],  # type: ignore[list-item]  # its annotation is too narrow
    )
    def post(self, request: Request) -> Response:
        now, address = timezone.now(), client_address(request)
        application = parse_application(request.data)
        token = bearer(request.headers.get("Authorization"))
        prove_possession(token, application.public_key, now)
        with wrong_codes.limited(address):
            try:
                recorder = register(application, address, now)
            except CodeRefused as error:
                raise Problem(_STATUS[error.code], error.code, str(error)) from None
        return Response(_enrolled_body(recorder), status=201)


class HeartbeatView(ApiView):
    """POST: a recorder says how it is, and learns what it needs for the next hour."""

    authentication_classes = (RecorderTokenAuthentication,)
    permission_classes = (IsRecorder,)
    parser_classes = (BoundedJsonParser,)

    @extend_schema(request=HeartbeatShape, responses={200: HeartbeatAnswerShape})
    def post(self, request: Request) -> Response:
        now, recorder = timezone.now(), calling_recorder(request)
        heartbeat = parse_heartbeat(request.data)
        try:
            note_heartbeat(recorder, heartbeat, client_address(request), now)
        except RecorderRemoved:
            detail = "This recorder was removed from the portal."
            raise Problem(401, "recorder_unknown", detail) from None
        cameras = [camera.number for camera in heartbeat.cameras]
        version = access_version(recorder, cameras, now)
        return Response({**_heartbeat_body(recorder, now), "access_version": version})


class PreflightFactsView(ApiView):
    """POST: the hosts that a recorder's preflight tries, and what opens the relay to it."""

    authentication_classes = (RecorderTokenAuthentication,)
    permission_classes = (IsRecorder,)
    parser_classes = (BoundedJsonParser,)

    @extend_schema(request=None, responses={200: PreflightFactsShape})
    def post(self, request: Request) -> Response:
        now, recorder = timezone.now(), calling_recorder(request)
        if recorder.removed_at is not None:
            raise Problem(401, "recorder_unknown", "This recorder was removed from the portal.")
        return Response(
            {
                "time": format_time(now),
                "hosts": [_target_body(target) for target in targets_of(recorder)],
                "relay": _relay_body(recorder, now),
                "stun": stun_servers(),
            }
        )


def _target_body(target: Target) -> dict[str, Any]:  # Any: JSON values
    return {
        "host": target.host,
        "port": target.port,
        "protocol": target.protocol,
        "purpose": target.purpose,
        "required": target.is_required,
        "tls": target.is_tls,
    }


def _enrolled_body(recorder: Recorder) -> dict[str, Any]:  # Any: JSON values
    return {
        "recorder_id": str(recorder.pk),
        "name": recorder.name,
        "organisation": recorder.organisation.name,
        "portal_url": settings.CONTERA_BASE_URL,
        "jwks": portal_keys().jwks,
        "heartbeat_s": HEARTBEAT_S,
    }


def _heartbeat_body(recorder: Recorder, now: datetime) -> dict[str, Any]:  # Any: JSON values
    return {
        "recorder_id": str(recorder.pk),
        "name": recorder.name,
        "jwks": portal_keys().jwks,
        "heartbeat_s": HEARTBEAT_S,
        "relay": _relay_body(recorder, now),
        "http_url": settings.CONTERA_HTTP_URL or None,
        "clock_offset_s": recorder.clock_offset_s,
        "settings": settings_body(recorder.network),
        "stun": stun_servers(),
    }


def _relay_body(recorder: Recorder, now: datetime) -> dict[str, Any]:  # Any: JSON values
    """Given also when viewers may not use the relay: exports and control messages need the link."""
    region, seconds = recorder.network.relay_region, int(now.timestamp())
    plain_keys = settings.CONTERA_RELAY_HTTP_KEYS
    return {
        "region": region,
        "urls": [*settings.CONTERA_RELAY_URLS, *plain_keys],
        "keys": {url: jwk for url, jwk in plain_keys.items() if jwk},
        "pass": sign_relay_pass(portal_signer(), str(recorder.pk), region, seconds),
        "expires_at": format_time(datetime.fromtimestamp(seconds + PASS_LIFETIME_S, UTC)),
    }
