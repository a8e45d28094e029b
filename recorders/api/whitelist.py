"""What administrators of networks must let through for a recorder: as JSON, text or CSV."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import ApiView
from recorders.doors import configurable_recorder
from recorders.services.whitelist_letter import whitelist_of
from recorders.whitelist import as_csv, as_text


class WhitelistRowShape(serializers.Serializer[Any]):  # Any: DRF's own generic
    host = serializers.CharField()
    ports = serializers.ListField(child=serializers.CharField())
    purpose = serializers.CharField()
    is_required = serializers.BooleanField()
    note = serializers.CharField(allow_blank=True)


class WhitelistAdviceShape(serializers.Serializer[Any]):
    title = serializers.CharField()
    text = serializers.CharField()


class WhitelistShape(serializers.Serializer[Any]):
    region = serializers.CharField()
    rows = WhitelistRowShape(many=True)
    advice = WhitelistAdviceShape(many=True)
    senders = serializers.ListField(
        child=serializers.CharField(), help_text="Whose mails must get through"
    )


class WhitelistView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "configure"}

    @extend_schema(operation_id="whitelist_read", responses={200: WhitelistShape})
    def get(self, request: Request, recorder_id: UUID) -> Response:
        """What the network of a recorder must let through."""
        found = whitelist_of(configurable_recorder(request, recorder_id))
        return Response(WhitelistShape(found).data)


class WhitelistTextView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "configure"}

    @extend_schema(operation_id="whitelist_text", responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request, recorder_id: UUID) -> HttpResponse:
        """The whitelist of a recorder as text to hand over."""
        found = whitelist_of(configurable_recorder(request, recorder_id))
        return HttpResponse(as_text(found), content_type="text/plain; charset=utf-8")


class WhitelistCsvView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "configure"}

    @extend_schema(operation_id="whitelist_csv", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, recorder_id: UUID) -> HttpResponse:
        """The whitelist of a recorder as a table."""
        found = whitelist_of(configurable_recorder(request, recorder_id))
        return HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8")
