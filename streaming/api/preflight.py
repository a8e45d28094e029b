"""Preflights over the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.doors import configurable_recorder
from recorders.models import Preflight
from streaming.preflight import service


class PreflightRowSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    id = serializers.CharField()
    group = serializers.CharField()
    title = serializers.CharField()
    is_required = serializers.BooleanField()
    state = serializers.ChoiceField(["pass", "fail", "warn", "skipped"])
    detail = serializers.CharField()
    advice = serializers.CharField(allow_blank=True)


class PreflightSerializer(serializers.Serializer[Preflight]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(Preflight.State.choices)
    requested_at = serializers.DateTimeField()
    rows = PreflightRowSerializer(many=True)
    error = serializers.CharField(allow_blank=True)


class PreflightView(ApiView):
    """The test of a recorder's network, for people who configure it."""

    scopes = {"GET": "configure", "POST": "configure"}

    @extend_schema(responses={200: PreflightSerializer})
    def get(self, request: Request, recorder_id: UUID) -> Response:
        """The newest."""
        recorder = configurable_recorder(request, recorder_id)
        found = service.newest(recorder, timezone.now())
        if found is None:
            raise Problem(404, "no_preflight", "No preflight has been started yet.")
        return Response(PreflightSerializer(found).data)

    @extend_schema(request=None, responses={202: PreflightSerializer})
    def post(self, request: Request, recorder_id: UUID) -> Response:
        """Starts one, unless one is under way; `GET` tells how it goes."""
        recorder = configurable_recorder(request, recorder_id)
        actor, now = Actor.of(request), timezone.now()
        found = service.start(recorder, person_of(request), actor, now)
        return Response(PreflightSerializer(found).data, status=202)
