"""What a group may do, and where: its grants, all at once or one by one, and the cameras hidden
from it."""

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
from accounts.models import Group
from accounts.permissions import IsAdministrator, person_of
from recorders.api.grant_shapes import (
    MAX_GRANTS,
    GrantSerializer,
    GrantsSerializer,
    NumberedGrantSerializer,
    body_of,
    meant,
)
from recorders.grants import service
from recorders.models import Camera, Grant


class HiddenCamerasSerializer(serializers.Serializer[Any]):
    cameras = serializers.ListField(child=serializers.UUIDField(), max_length=MAX_GRANTS)


class GroupGrantsView(ApiView):
    """What the people of a group may do, and where."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PUT": "people", "POST": "people"}

    @extend_schema(responses={200: GrantsSerializer}, operation_id="group_grants_read")
    def get(self, request: Request, group_id: UUID) -> Response:
        """All grants of a group."""
        return _answer(_group(request, group_id))

    @extend_schema(
        request=GrantsSerializer,
        responses={200: GrantsSerializer},
        operation_id="group_grants_replace",
    )
    def put(self, request: Request, group_id: UUID) -> Response:
        """Replace all grants of a group."""
        group = _group(request, group_id)
        wanted = checked(GrantsSerializer, request)
        service.set_grants(group, list(map(meant, wanted["grants"])), Actor.of(request))
        return _answer(group)

    @extend_schema(
        request=GrantSerializer,
        responses={201: NumberedGrantSerializer},
        operation_id="group_grants_add",
    )
    def post(self, request: Request, group_id: UUID) -> Response:
        """Add a grant; the others stay."""
        group = _group(request, group_id)
        wanted = meant(checked(GrantSerializer, request))
        return _one(service.add(group, wanted, Actor.of(request)), status=201)


class GroupGrantView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PATCH": "people", "DELETE": "people"}

    @extend_schema(responses={200: NumberedGrantSerializer}, operation_id="group_grant_read")
    def get(self, request: Request, group_id: UUID, grant_id: int) -> Response:
        """Read a grant."""
        return _one(_grant(request, group_id, grant_id))

    @extend_schema(
        request=GrantSerializer(partial=True),
        responses={200: NumberedGrantSerializer},
        operation_id="group_grant_change",
    )
    def patch(self, request: Request, group_id: UUID, grant_id: int) -> Response:
        """Change what is named; the grant keeps its id."""
        grant = _grant(request, group_id, grant_id)
        named = checked(GrantSerializer, request, partial=True)
        changed = service.change_one(
            grant, lambda present: meant({**body_of(present), **named}), Actor.of(request)
        )
        return _one(changed)

    @extend_schema(responses={204: None}, operation_id="group_grant_remove")
    def delete(self, request: Request, group_id: UUID, grant_id: int) -> Response:
        """Take a grant back; video that runs by it stops."""
        service.remove(_grant(request, group_id, grant_id), Actor.of(request))
        return Response(status=204)


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
        service.set_hidden(group, found, Actor.of(request))
        return _hidden_answer(group)


def _group(request: Request, group_id: UUID) -> Group:
    groups = Group.objects.visible_to(request.user).select_related("organisation")
    found: Group = get_object_or_404(groups, pk=group_id)
    return found


def _grant(request: Request, group_id: UUID, grant_id: int) -> Grant:
    grants = _group(request, group_id).grants.select_related("group__organisation")
    found: Grant = get_object_or_404(grants, pk=grant_id)
    return found


def _answer(group: Group) -> Response:
    return Response(GrantsSerializer({"grants": map(body_of, group.grants.all())}).data)


def _one(grant: Grant, status: int = 200) -> Response:
    return Response(NumberedGrantSerializer(body_of(grant)).data, status=status)


def _hidden_answer(group: Group) -> Response:
    hidden = group.hidden_cameras.order_by("pk").values_list("camera", flat=True)
    return Response(HiddenCamerasSerializer({"cameras": list(hidden)}).data)
