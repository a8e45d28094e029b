"""What recorders and relay nodes tell of who watched what (`protocol.viewings`)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.scopes import ANY_TOKEN
from protocol.errors import ProtocolError
from protocol.viewings import KINDS, MAX_TOLD, WAYS
from recorders.api.authentication import (
    IsRecorder,
    RecorderTokenAuthentication,
    calling_recorder,
)
from recorders.api.body import BoundedJsonParser
from streaming.viewings import note_recorder_viewings, note_relay_viewings, proved

Shape = serializers.Serializer[Any]  # Any: DRF's own generic


class ViewingShape(Shape):
    """One viewing; `protocol.viewings` says what each name means."""

    session_id = serializers.CharField()
    user_id = serializers.CharField()
    camera = serializers.IntegerField()
    kind = serializers.ChoiceField(KINDS)
    path = serializers.ChoiceField(WAYS)
    address = serializers.CharField(allow_blank=True)
    number = serializers.IntegerField()
    count = serializers.IntegerField()
    lost_before = serializers.IntegerField()
    recorded_from = serializers.FloatField(required=False, help_text="Unix seconds")
    recorded_to = serializers.FloatField(required=False, help_text="Unix seconds")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:  # DRF's generic
        """`from` is no name of a class attribute."""
        times = {
            name: serializers.FloatField(help_text="Unix seconds by the portal's clock")
            for name in ("from", "to")
        }
        return {**super().get_fields(), **times}


class ViewingsShape(Shape):
    viewings = ViewingShape(many=True)


class ProvedViewingShape(ViewingShape):
    recorder_id = serializers.UUIDField()
    token = serializers.CharField(help_text="The last access token by which it was watched")


class ProvedViewingsShape(Shape):
    viewings = ProvedViewingShape(many=True)


class SeenShape(Shape):
    seen = serializers.IntegerField(help_text="The recorder may forget viewings up to this number")


class RecorderViewingsView(ApiView):
    """POST: a recorder tells who watched what there. Each is noted once, however often told."""

    authentication_classes = (RecorderTokenAuthentication,)
    permission_classes = (IsRecorder,)
    parser_classes = (BoundedJsonParser,)
    scopes = {"POST": ANY_TOKEN}

    @extend_schema(
        summary="Tell who watched what at a recorder",
        request=ViewingsShape,
        responses={200: SeenShape},
    )
    def post(self, request: Request) -> Response:
        seen = note_recorder_viewings(calling_recorder(request), _list(request))
        return Response({"seen": seen})


class RelayViewingsView(ApiView):
    """POST: a relay node tells who watched what through it; the viewers' tokens are the proof."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (BoundedJsonParser,)
    scopes = {"POST": ANY_TOKEN}

    @extend_schema(
        summary="Tell who watched what through a relay node",
        request=ProvedViewingsShape,
        responses={204: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        now, told = timezone.now(), []
        for body in _list(request):
            try:
                told.append(proved(body, now))
            except ProtocolError:  # one that proves nothing holds the others up no longer
                continue
        note_relay_viewings(told)
        return Response(status=204)


def _list(request: Request) -> list[Any]:  # Any: JSON
    body = request.data
    viewings = body.get("viewings") if isinstance(body, dict) else None
    if not isinstance(viewings, list) or len(viewings) > MAX_TOLD:
        fact = f"viewings: a list of at most {MAX_TOLD} is needed."
        raise Problem(400, "bad_viewings", fact)
    return viewings
