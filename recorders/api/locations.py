"""Locations over the API."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.api.shapes import LocationShape
from recorders.doors import configurable_organisation, may_add_recorders
from recorders.models import Location
from recorders.services.locations import NameTaken, add_location, delete_location, rename_location


class LocationsView(ApiView):
    """Locations of the recorders you may see; all of them for who configures everything."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "read", "POST": "configure"}

    @extend_schema(operation_id="locations_list", responses={200: LocationShape(many=True)})
    def get(self, request: Request) -> Response:
        locations = Location.objects.visible_to(person_of(request))
        return Response(LocationShape(locations, many=True).data)

    @extend_schema(request=LocationShape, responses={201: LocationShape})
    def post(self, request: Request) -> Response:
        organisation = configurable_organisation(request)
        try:
            location = add_location(organisation, _name(request), Actor.of(request))
        except NameTaken as error:
            raise Problem(409, "name_taken", str(error)) from None
        return Response(LocationShape(location).data, status=201)


class LocationView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"PATCH": "configure", "DELETE": "configure"}

    @extend_schema(request=LocationShape, responses={200: LocationShape})
    def patch(self, request: Request, location_id: UUID) -> Response:
        location = _configurable_location(request, location_id)
        try:
            rename_location(location, _name(request), Actor.of(request))
        except NameTaken as error:
            raise Problem(409, "name_taken", str(error)) from None
        return Response(LocationShape(location).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, location_id: UUID) -> Response:
        """Its recorders stay, without a location."""
        delete_location(_configurable_location(request, location_id), Actor.of(request))
        return Response(status=204)


def _name(request: Request) -> str:
    wanted = checked(LocationShape, request)
    return str(wanted["name"])


def _configurable_location(request: Request, location_id: UUID) -> Location:
    visible = Location.objects.visible_to(person_of(request)).select_related("organisation")
    location: Location = get_object_or_404(visible, pk=location_id)
    if not may_add_recorders(person_of(request), location.organisation):
        raise PermissionDenied("Only people who may configure every recorder can do this.")
    return location
