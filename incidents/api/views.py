"""Incidents and exports for programs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import Lower
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ordering
from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.permissions import person_of
from incidents import services
from incidents.api.serializers import (
    EstimateSerializer,
    ExportSerializer,
    FootageSerializer,
    IncidentQuerySerializer,
    IncidentSerializer,
    NewIncidentSerializer,
)
from incidents.estimate import estimate
from incidents.forms import exportable_cameras
from incidents.models import Export, Incident
from incidents.storage.errors import StorageError
from incidents.views import downloads
from recorders.models import Camera

ORDERS: ordering.Orders = {
    "created_at": F("created_at"),
    "start": F("start"),
    "title": Lower("title"),
}
BINARY = {(200, "video/mp4"): OpenApiTypes.BINARY}


class IncidentsView(ApiView, generics.GenericAPIView[Incident]):
    """GET: incidents whose every camera the caller may export. POST: a new one, and its export."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read", "POST": "export"}
    parameters = frozenset({"search", "camera", "since", "until", ordering.NAME})
    serializer_class = IncidentSerializer
    queryset = Incident.objects.none()

    def get_queryset(self) -> QuerySet[Incident]:
        wanted = IncidentQuerySerializer(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        found = Incident.objects.visible_to(self.request.user).about(**wanted.validated_data)
        return ordering.in_order(found, self.request, ORDERS).prefetch_related("cameras")

    @extend_schema(
        operation_id="incidents_list",
        parameters=[IncidentQuerySerializer, ordering.parameter(ORDERS)],
        responses=IncidentSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=NewIncidentSerializer, responses={201: IncidentSerializer})
    def post(self, request: Request) -> Response:
        wanted = checked(NewIncidentSerializer, request)
        incident = _create(request, wanted)
        return Response(IncidentSerializer(incident).data, status=201)


class EstimateView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"POST": "export"}

    @extend_schema(
        request=FootageSerializer, responses=EstimateSerializer, operation_id="incidents_estimate"
    )
    def post(self, request: Request) -> Response:
        """How large an export of these cameras and this range will be; nothing is made."""
        wanted = checked(FootageSerializer, request)
        start, end = wanted["start"], wanted["end"]
        cameras = _exportable(request, wanted["camera_ids"])
        with _problems():
            services.check_range(start, end, timezone.now())
        profiles = [camera.profiles for camera in cameras]
        found = estimate(profiles, (end - start).total_seconds())
        return Response(EstimateSerializer(found).data)


class IncidentView(ApiView):
    """One incident. DELETE removes its exported files too."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read", "DELETE": "delete"}

    @extend_schema(responses=IncidentSerializer)
    def get(self, request: Request, incident_id: UUID) -> Response:
        return Response(IncidentSerializer(_incident(request, incident_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, incident_id: UUID) -> Response:
        incident = _incident(request, incident_id)
        services.delete_incident(person_of(request), incident, Actor.of(request), timezone.now())
        return Response(status=204)


class ExportsView(ApiView):
    """Exports of an incident, newest first. POST: export again from the recorder."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read", "POST": "export"}

    @extend_schema(operation_id="exports_list", responses=ExportSerializer(many=True))
    def get(self, request: Request, incident_id: UUID) -> Response:
        incident = _incident(request, incident_id)
        exports = incident.exports.prefetch_related("clips")[:100]
        return Response(ExportSerializer(exports, many=True).data)

    @extend_schema(request=None, responses={201: ExportSerializer})
    def post(self, request: Request, incident_id: UUID) -> Response:
        incident = _incident(request, incident_id)
        with _problems():
            export = services.request_export(
                person_of(request), incident, Actor.of(request), timezone.now()
            )
        return Response(ExportSerializer(export).data, status=201)


class ExportView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read"}

    @extend_schema(responses=ExportSerializer)
    def get(self, request: Request, export_id: UUID) -> Response:
        return Response(ExportSerializer(_export(request, export_id)).data)


class CancelExportView(ApiView):
    """POST: stop it and remove what it stored. 409 when it has ended."""

    permission_classes = (IsAuthenticated,)
    scopes = {"POST": "export"}

    @extend_schema(request=None, responses=ExportSerializer)
    def post(self, request: Request, export_id: UUID) -> Response:
        export = _export(request, export_id)
        with _problems():
            services.cancel_export(export, Actor.of(request), timezone.now())
        return Response(ExportSerializer(_export(request, export_id)).data)


class RetryExportView(ApiView):
    """POST: go on with a failed export. 409 when it did not fail."""

    permission_classes = (IsAuthenticated,)
    scopes = {"POST": "export"}

    @extend_schema(request=None, responses=ExportSerializer)
    def post(self, request: Request, export_id: UUID) -> Response:
        export = _export(request, export_id)
        with _problems():
            services.retry_export(person_of(request), export, Actor.of(request), timezone.now())
        return Response(ExportSerializer(_export(request, export_id)).data)


class ClipFileView(ApiView):
    """GET: the file of a clip; Range is answered."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "export"}

    @extend_schema(responses=BINARY)
    def get(self, request: Request, export_id: UUID, clip_id: int) -> HttpResponseBase:
        export = downloads.finished_export(request.user, export_id)
        clip = get_object_or_404(downloads.verified_clips(export), pk=clip_id)
        with _problems():
            return downloads.clip_response(request, export, clip)


class ManifestView(ApiView):
    """GET: the manifest, whose bytes are what the signature signs."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "export"}

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        export = downloads.finished_export(request.user, export_id)
        with _problems():
            return downloads.manifest_response(request, export)


class SignatureView(ApiView):
    """GET: the detached signature of the manifest (RFC 7797); keys: `/.well-known/jwks.json`."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "export"}

    @extend_schema(responses={(200, "application/jose"): OpenApiTypes.BINARY})
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        export = downloads.finished_export(request.user, export_id)
        with _problems():
            return downloads.signature_response(export)


class ArchiveView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "export"}

    @extend_schema(
        operation_id="exports_archive", responses={(200, "application/zip"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        """Every file of a finished export in one ZIP."""
        export = downloads.finished_export(request.user, export_id)
        with _problems():
            return downloads.archive_response(request, export)


class _problems:  # noqa: N801  # reads as a noun where it is used
    """What the services refuse, as problems of the API."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, services.NotPossible):
            status = {"bad_range": 400, "bad_cameras": 400, "too_many": 429}.get(error.code, 409)
            raise Problem(status, error.code, str(error)) from error
        if isinstance(error, StorageError):
            raise Problem(503, "storage_unavailable", str(error)) from error


def _create(request: Request, wanted: dict[str, Any]) -> Incident:  # validated JSON values
    cameras = _exportable(request, wanted["camera_ids"])
    new = services.NewIncident(
        wanted["title"], cameras, wanted["start"], wanted["end"], wanted["note"]
    )
    with _problems():
        return services.create_incident(person_of(request), new, Actor.of(request), timezone.now())


def _exportable(request: Request, camera_ids: Collection[UUID]) -> list[Camera]:
    ids = set(camera_ids)
    cameras = list(exportable_cameras(person_of(request)).filter(pk__in=ids))
    if len(cameras) != len(ids):
        raise Problem(404, "camera_not_found", "A camera does not exist, or you may not export it.")
    return cameras


def _incident(request: Request, incident_id: UUID) -> Incident:
    incidents = Incident.objects.visible_to(request.user).select_related("organisation")
    incident: Incident = get_object_or_404(incidents.prefetch_related("cameras"), pk=incident_id)
    return incident


def _export(request: Request, export_id: UUID) -> Export:
    exports = Export.objects.visible_to(request.user).select_related("incident__organisation")
    export: Export = get_object_or_404(exports.prefetch_related(Prefetch("clips")), pk=export_id)
    return export
