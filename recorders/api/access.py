"""What a group may do, and where: read and replace its grants and the cameras hidden from it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.circumstances import CLIENTS
from accounts.errors import NotPossible
from accounts.models import Group
from accounts.permissions import IsAdministrator, person_of
from protocol.tokens import RIGHTS
from recorders.grants import OFFERED
from recorders.grants.service import set_grants, set_hidden
from recorders.grants.values import GrantValue, Limits, Scope, value_of
from recorders.models import Camera

MAX_GRANTS = 10_000


class SpanField(serializers.ListField):
    """[first minute, end minute] of the week, from Monday 00:00."""

    child = serializers.IntegerField(min_value=0)

    def __init__(self, **kwargs: Any) -> None:  # DRF's signature
        super().__init__(min_length=2, max_length=2, **kwargs)


class GrantSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """Rights at a location, on a recorder, on a camera, or on everything when none is named; each
    limit that is set must hold."""

    rights = serializers.ListField(
        child=serializers.ChoiceField(choices=OFFERED), min_length=1, max_length=len(OFFERED)
    )
    location = serializers.UUIDField(allow_null=True, default=None)
    recorder = serializers.UUIDField(allow_null=True, default=None)
    camera = serializers.UUIDField(allow_null=True, default=None)
    holds_from = serializers.DateTimeField(allow_null=True, default=None)
    holds_until = serializers.DateTimeField(allow_null=True, default=None)
    hours = serializers.ListField(
        child=SpanField(),
        default=list,
        help_text="Spans of minutes of the week from Monday 00:00 in the organisation's zone",
    )
    clients = serializers.ListField(child=serializers.ChoiceField(choices=CLIENTS), default=list)
    addresses = serializers.ListField(
        child=serializers.CharField(max_length=50), default=list, help_text="Ranges (CIDR)"
    )
    footage_from = serializers.DateTimeField(allow_null=True, default=None)
    footage_to = serializers.DateTimeField(allow_null=True, default=None)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class GrantsSerializer(serializers.Serializer[Any]):
    grants = serializers.ListField(child=GrantSerializer(), max_length=MAX_GRANTS)


class HiddenCamerasSerializer(serializers.Serializer[Any]):
    cameras = serializers.ListField(child=serializers.UUIDField(), max_length=MAX_GRANTS)


class GroupGrantsView(ApiView):
    """What the people of a group may do, and where."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PUT": "people"}

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
        wanted = checked(GrantsSerializer, request)
        values = [_value(grant) for grant in wanted["grants"]]
        try:
            set_grants(group, values, Actor.of(request))
        except NotPossible as error:
            raise Problem(409, error.code, error.message) from None
        return _answer(group)


class GroupHiddenCamerasView(ApiView):
    """Cameras that the people of a group do not see, whatever any group gives them."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PUT": "people"}

    @extend_schema(responses={200: HiddenCamerasSerializer}, operation_id="group_hidden_read")
    def get(self, request: Request, group_id: UUID) -> Response:
        return _hidden_answer(_group(request, group_id))

    @extend_schema(
        request=HiddenCamerasSerializer,
        responses={200: HiddenCamerasSerializer},
        operation_id="group_hidden_replace",
    )
    def put(self, request: Request, group_id: UUID) -> Response:
        group = _group(request, group_id)
        wanted = checked(HiddenCamerasSerializer, request)
        ids = set(wanted["cameras"])
        cameras = Camera.objects.visible_to(person_of(request)).select_related("recorder")
        found = list(cameras.filter(pk__in=ids, recorder__organisation=group.organisation_id))
        if len(found) != len(ids):
            raise Problem(409, "not_found", "There is no such camera here.")
        try:
            set_hidden(group, found, Actor.of(request))
        except NotPossible as error:
            raise Problem(409, error.code, error.message) from None
        return _hidden_answer(group)


def _group(request: Request, group_id: UUID) -> Group:
    groups = Group.objects.visible_to(request.user).select_related("organisation")
    found: Group = get_object_or_404(groups, pk=group_id)
    return found


def _value(grant: dict[str, Any]) -> GrantValue:  # validated JSON values
    limits = Limits(
        holds_from=grant["holds_from"],
        holds_until=grant["holds_until"],
        hours=tuple((start, end) for start, end in grant["hours"]),
        clients=tuple(grant["clients"]),
        addresses=tuple(grant["addresses"]),
        footage_from=grant["footage_from"],
        footage_to=grant["footage_to"],
    )
    scope = Scope(grant["location"], grant["recorder"], grant["camera"])
    return GrantValue(scope, frozenset(grant["rights"]), limits, grant["reason"])


def _answer(group: Group) -> Response:
    bodies = [_body(value_of(grant)) for grant in group.grants.all()]
    return Response(GrantsSerializer({"grants": bodies}).data)


def _body(value: GrantValue) -> dict[str, Any]:
    scope, limits = value.scope, value.limits
    return {
        **vars(limits),
        "rights": [right for right in RIGHTS if right in value.rights],
        "location": scope.location_id,
        "recorder": scope.recorder_id,
        "camera": scope.camera_id,
        "reason": value.reason,
    }


def _hidden_answer(group: Group) -> Response:
    hidden = group.hidden_cameras.order_by("pk").values_list("camera", flat=True)
    return Response(HiddenCamerasSerializer({"cameras": list(hidden)}).data)
