"""The audit trail, for administrators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.pages import ByRowNumber
from accounts.api.serializers import AuditEntrySerializer, AuditQuerySerializer
from accounts.api.views import ApiView
from accounts.models import AuditEntry
from accounts.permissions import IsAdministrator
from accounts.querysets import AuditQuerySet


class AuditView(ApiView, ListAPIView[AuditEntry]):
    """Newest first."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "audit"}
    parameters = frozenset({"who", "action", "group", "target", "address", "since", "until"})
    serializer_class = AuditEntrySerializer
    pagination_class = ByRowNumber

    def get_queryset(self) -> AuditQuerySet:
        wanted = AuditQuerySerializer(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        entries: AuditQuerySet = AuditEntry.objects.visible_to(self.request.user)
        return entries.about(**wanted.validated_data)

    @extend_schema(parameters=[AuditQuerySerializer], operation_id="audit_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        """Lines of the audit trail, newest first."""
        return super().get(request, *args, **kwargs)
