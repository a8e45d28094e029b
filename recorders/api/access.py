"""What a group may do, and where: read and replace its grants."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.problems import Problem
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import Group
from accounts.permissions import IsAdministrator
from recorders.access import OFFERED_RIGHTS, Given, grants_of, set_grants

MAX_GRANTS = 10_000


class GrantSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """A right on a recorder, on a camera, or on everything when neither is named."""

    right = serializers.ChoiceField(choices=OFFERED_RIGHTS)
    recorder = serializers.UUIDField(source="recorder_id", allow_null=True, default=None)
    camera = serializers.UUIDField(source="camera_id", allow_null=True, default=None)


class GrantsSerializer(serializers.Serializer[Any]):
    grants = serializers.ListField(child=GrantSerializer(), max_length=MAX_GRANTS)


class GroupGrantsView(APIView):
    permission_classes = (IsAdministrator,)

    @extend_schema(responses={200: GrantsSerializer}, operation_id="group_grants_read")
    def get(self, request: Request, group_id: UUID) -> Response:
        return _answer(_group(request, group_id))

    @extend_schema(
        request=GrantsSerializer,
        responses={200: GrantsSerializer},
        operation_id="group_grants_replace",
    )
    def put(self, request: Request, group_id: UUID) -> Response:
        group = _group(request, group_id)
        wanted = GrantsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = {Given(**grant) for grant in wanted.validated_data["grants"]}
        try:
            set_grants(group, given, Actor.of(request))
        except NotPossible as error:
            raise Problem(409, error.code, error.message) from None
        return _answer(group)


def _group(request: Request, group_id: UUID) -> Group:
    groups = Group.objects.visible_to(request.user).select_related("organisation")
    found: Group = get_object_or_404(groups, pk=group_id)
    return found


def _answer(group: Group) -> Response:
    ordered = sorted(grants_of(group), key=lambda given: (given.right, str(given)))
    return Response(GrantsSerializer({"grants": ordered}).data)
