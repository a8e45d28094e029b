"""One-time codes that register a recorder."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.doors import configurable_organisation
from recorders.services.locations import location_named
from recorders.services.registration import make_registration_code


class RegistrationCodeShape(serializers.Serializer[Any]):  # Any: DRF's own generic
    name = serializers.CharField(max_length=100, allow_blank=True, default="")
    location = serializers.CharField(
        max_length=100, allow_blank=True, default="", help_text="Name; made when it is new"
    )


class NewRegistrationCodeShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    code = serializers.CharField(help_text="Shown once; the portal keeps a digest")
    expires_at = serializers.DateTimeField()


class RegistrationCodesView(ApiView):
    """POST: a new one-time code, for people who configure everything."""

    permission_classes = (IsAuthenticated,)
    scopes = {"POST": "configure"}

    @extend_schema(request=RegistrationCodeShape, responses={201: NewRegistrationCodeShape})
    def post(self, request: Request) -> Response:
        organisation = configurable_organisation(request)
        wanted = checked(RegistrationCodeShape, request)
        row, code = make_registration_code(
            organisation,
            person_of(request),
            wanted["name"],
            location_named(organisation, wanted["location"]),
            Actor.of(request),
            timezone.now(),
        )
        body = {"id": row.pk, "code": code, "expires_at": row.expires_at}
        return Response(NewRegistrationCodeShape(body).data, status=201)
