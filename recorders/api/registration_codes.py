"""One-time codes that register a recorder."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.names import validate_name
from accounts.permissions import person_of
from recorders.doors import configurable_organisation
from recorders.models import RegistrationCode
from recorders.services.locations import location_named
from recorders.services.registration import make_registration_code, withdraw_registration_code

_SHOWN = 100


class NewRegistrationCodeShape(serializers.Serializer[Any]):  # Any: DRF's own generic
    name = serializers.CharField(
        max_length=100, validators=[validate_name], allow_blank=True, default=""
    )
    location = serializers.CharField(
        max_length=100,
        allow_blank=True,
        default="",
        validators=[validate_name],
        help_text="Name; made when it is new",
    )


class MadeRegistrationCodeShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    code = serializers.CharField(help_text="Shown once; the portal keeps a digest")
    expires_at = serializers.DateTimeField()


class RegistrationCodeShape(serializers.ModelSerializer[RegistrationCode]):
    """`recorder` is what it registered; used and expired codes register nothing more."""

    location = serializers.CharField(source="location.name", default=None, allow_null=True)

    class Meta:
        model = RegistrationCode
        fields = ["id", "name", "location", "created_at", "expires_at", "used_at", "recorder"]
        read_only_fields = fields


class RegistrationCodesView(ApiView):
    """Codes of the organisations to which you may add recorders."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "configure", "POST": "configure"}

    @extend_schema(
        operation_id="registration_codes_list", responses={200: RegistrationCodeShape(many=True)}
    )
    def get(self, request: Request) -> Response:
        """The newest hundred registration codes, without the codes themselves."""
        codes = _codes(request).order_by("-created_at")[:_SHOWN]
        return Response(RegistrationCodeShape(codes, many=True).data)

    @extend_schema(
        operation_id="registration_codes_create",
        request=NewRegistrationCodeShape,
        responses={201: MadeRegistrationCodeShape},
    )
    def post(self, request: Request) -> Response:
        """A new one-time code that registers one recorder within an hour."""
        organisation = configurable_organisation(request)
        wanted = checked(NewRegistrationCodeShape, request)
        row, code = make_registration_code(
            organisation,
            person_of(request),
            wanted["name"],
            location_named(organisation, wanted["location"]),
            Actor.of(request),
            timezone.now(),
        )
        body = {"id": row.pk, "code": code, "expires_at": row.expires_at}
        return Response(MadeRegistrationCodeShape(body).data, status=201)


class RegistrationCodeView(ApiView):
    """One registration code."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "configure", "DELETE": "configure"}

    @extend_schema(operation_id="registration_codes_read", responses={200: RegistrationCodeShape})
    def get(self, request: Request, code_id: UUID) -> Response:
        """Whether a code was used, and which recorder it registered."""
        return Response(RegistrationCodeShape(_code(request, code_id)).data)

    @extend_schema(operation_id="registration_codes_withdraw", responses={204: None})
    def delete(self, request: Request, code_id: UUID) -> Response:
        """Withdraw a code that was not used yet."""
        if not withdraw_registration_code(_code(request, code_id), Actor.of(request)):
            raise Problem(409, "code_used", "This code was used already.")
        return Response(status=204)


def _codes(request: Request) -> QuerySet[RegistrationCode]:
    mine = RegistrationCode.objects.visible_to(person_of(request))
    codes: QuerySet[RegistrationCode] = mine.select_related("organisation", "location")
    return codes


def _code(request: Request, code_id: UUID) -> RegistrationCode:
    found: RegistrationCode = get_object_or_404(_codes(request), pk=code_id)
    return found
