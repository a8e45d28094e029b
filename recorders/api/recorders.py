"""Recorders and their cameras, for viewers and integrators."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.db.models.functions import Lower
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ordering
from accounts.api.body import checked
from accounts.api.pages import BoundedPages
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.models import User
from accounts.permissions import person_of
from recorders.api.shapes import (
    CameraShape,
    RecorderChangeShape,
    RecorderPageShape,
    RecorderShape,
    camera_body,
    recorder_body,
)
from recorders.doors import configurable_recorder, removable_recorder, visible_recorder
from recorders.listing import STATES, camera_counts, count_of, find_recorders
from recorders.models import Recorder
from recorders.policy import camera_rights, recorder_rights
from recorders.rights import rights_on
from recorders.services.locations import location_named
from recorders.services.recorders import remove, rename_and_move

ORDERS: ordering.Orders = {
    "location": Lower("location__name"),
    "name": Lower("name"),
    "last_seen_at": F("last_seen_at"),
}


class RecordersView(ApiView):
    """GET: the recorders you may see, of all your organisations, sorted by location and name."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read"}
    parameters = frozenset({"search", "state", ordering.NAME})
    pagination_class = BoundedPages

    @extend_schema(
        operation_id="recorders_list",
        parameters=[
            OpenApiParameter("search", str, description="In name, location, model, camera name"),
            OpenApiParameter("state", str, enum=STATES),
            ordering.parameter(ORDERS),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: RecorderPageShape},
    )
    def get(self, request: Request) -> Response:
        user, now = person_of(request), timezone.now()
        state = _known_state(request.query_params.get("state", ""))
        found = find_recorders(user, request.query_params.get("search", ""), state, now)
        in_order = ordering.in_order(found, request, ORDERS)
        pages = self.pagination_class()
        page: list[Recorder] = pages.paginate_queryset(in_order, request, self) or []
        rights, counts = rights_on(user, page), camera_counts(user, page)
        bodies = [
            recorder_body(recorder, counts[recorder.pk], rights[recorder.pk], now)
            for recorder in page
        ]
        return pages.get_paginated_response(RecorderShape(bodies, many=True).data)


class RecorderView(ApiView):
    """One recorder: read, rename or move, remove."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read", "PATCH": "configure", "DELETE": "delete"}

    @extend_schema(responses={200: RecorderShape})
    def get(self, request: Request, recorder_id: UUID) -> Response:
        recorder = visible_recorder(request, recorder_id)
        return _answer(person_of(request), recorder)

    @extend_schema(request=RecorderChangeShape, responses={200: RecorderShape})
    def patch(self, request: Request, recorder_id: UUID) -> Response:
        recorder = configurable_recorder(request, recorder_id)
        wanted = checked(RecorderChangeShape, request)
        name = wanted.get("name", recorder.name)
        location = recorder.location
        if "location" in wanted:
            location = location_named(recorder.organisation, wanted["location"])
        rename_and_move(recorder, name, location, Actor.of(request))
        return _answer(person_of(request), recorder)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, recorder_id: UUID) -> Response:
        recorder = removable_recorder(request, recorder_id)
        remove(recorder, Actor.of(request), timezone.now())
        return Response(status=204)


class RecorderCamerasView(ApiView):
    """GET: the cameras of a recorder on which you have a right."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read"}

    @extend_schema(responses={200: CameraShape(many=True)})
    def get(self, request: Request, recorder_id: UUID) -> Response:
        recorder = visible_recorder(request, recorder_id)
        held = camera_rights(person_of(request), recorder)
        cameras = sorted(held, key=lambda camera: camera.number)
        bodies = [camera_body(camera, held[camera]) for camera in cameras]
        return Response(CameraShape(bodies, many=True).data)


def _known_state(state: str) -> str:
    if state and state not in STATES:
        raise Problem(400, "bad_parameter", "state: must be online or offline.")
    return state


def _answer(user: User, recorder: Recorder) -> Response:
    count = count_of(camera_rights(user, recorder))
    rights = recorder_rights(user, recorder)
    return Response(RecorderShape(recorder_body(recorder, count, rights, timezone.now())).data)
