"""How long an organisation's audit trail is kept, whether it is in order, and its seals."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit_check_jobs
from accounts.api.body import checked
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.audit_retention import MAX_DAYS, MIN_DAYS, set_retention
from accounts.audit_seals import take_seal
from accounts.models import AuditHead, Organisation
from accounts.permissions import IsAdministrator


class AuditKeepingSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """`kept_days`: null for ever. The lines `first` to `last` are there; the last check, when there
    was one, found them in order up to `checked_number`, or `fault`."""

    kept_days = serializers.IntegerField(allow_null=True)
    first = serializers.IntegerField(source="head.kept_from")
    last = serializers.IntegerField(source="head.number")
    checked_at = serializers.DateTimeField(source="head.checked_at", allow_null=True)
    checked_number = serializers.IntegerField(source="head.checked_number")
    fault = serializers.CharField(source="head.fault")
    check_asked_at = serializers.DateTimeField(
        source="head.check_asked_at", allow_null=True, help_text="Of a check that is not done yet"
    )


class AuditKeepingChangeSerializer(serializers.Serializer[Any]):
    kept_days = serializers.IntegerField(
        allow_null=True, min_value=MIN_DAYS, max_value=MAX_DAYS, help_text="Null: for ever"
    )


class AuditSealSerializer(serializers.Serializer[Any]):
    """The newest line, signed by the portal: keep it as it is, for `manage.py verify_audit`."""

    organisation = serializers.UUIDField()
    name = serializers.CharField()
    number = serializers.IntegerField()
    hash = serializers.CharField()
    sealed_at = serializers.DateTimeField()
    signature = serializers.CharField()


class AuditKeepingView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"GET": "audit", "PATCH": "people"}

    @extend_schema(responses={200: AuditKeepingSerializer}, operation_id="audit_keeping_read")
    def get(self, request: Request, organisation_id: UUID) -> Response:
        """How long the audit trail is kept, and what its last check found."""
        return _answer(_administered(request, organisation_id))

    @extend_schema(
        request=AuditKeepingChangeSerializer,
        responses={200: AuditKeepingSerializer},
        operation_id="audit_keeping_change",
    )
    def patch(self, request: Request, organisation_id: UUID) -> Response:
        """Change how long the audit trail is kept; what is older goes within a day."""
        organisation = _administered(request, organisation_id)
        wanted = checked(AuditKeepingChangeSerializer, request)
        set_retention(organisation, wanted["kept_days"], Actor.of(request))
        return _answer(organisation)


class AuditCheckView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"POST": "audit"}

    @extend_schema(
        request=None, responses={202: AuditKeepingSerializer}, operation_id="audit_check"
    )
    def post(self, request: Request, organisation_id: UUID) -> Response:
        """Have the audit trail checked; read it again until `check_asked_at` is null."""
        organisation = _administered(request, organisation_id)
        audit_check_jobs.ask(organisation, timezone.now())
        return _answer(organisation, status=202)


class AuditSealView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"POST": "audit"}

    @extend_schema(request=None, responses={200: AuditSealSerializer}, operation_id="audit_seal")
    def post(self, request: Request, organisation_id: UUID) -> Response:
        """Take a seal of the audit trail; that you took it is its newest line."""
        organisation = _administered(request, organisation_id)
        return Response(take_seal(organisation, Actor.of(request), timezone.now()))


def _administered(request: Request, organisation_id: UUID) -> Organisation:
    mine = Organisation.objects.administered_by(request.user)
    found: Organisation = get_object_or_404(mine, pk=organisation_id)
    return found


def _answer(organisation: Organisation, status: int = 200) -> Response:
    head = AuditHead.objects.filter(organisation=organisation).first()
    kept = {"kept_days": organisation.audit_kept_days, "head": head or AuditHead()}
    return Response(AuditKeepingSerializer(kept).data, status=status)
