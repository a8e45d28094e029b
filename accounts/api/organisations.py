"""Organisations of the caller: settings, brand, the relation to a dealer."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.organisation_shapes import (
    BrandingChangeSerializer,
    BrandingSerializer,
    OrganisationChangeSerializer,
    OrganisationSerializer,
)
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.models import Branding, Organisation
from accounts.organisations import branding as changes
from accounts.organisations.dealers import end_relation
from accounts.organisations.logos import encode_logo
from accounts.organisations.settings import change_settings
from accounts.permissions import IsAdministrator
from accounts.querysets import OrganisationQuerySet


class OrganisationsView(ApiView, ListAPIView[Organisation]):
    """Those to which the caller belongs."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": ("read", "people")}
    serializer_class = OrganisationSerializer

    def get_queryset(self) -> OrganisationQuerySet:
        return _mine(self.request)

    @extend_schema(operation_id="organisations_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        """Organisations to which you belong."""
        return super().get(request, *args, **kwargs)


class OrganisationView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"GET": ("read", "people"), "PATCH": "people"}

    @extend_schema(responses={200: OrganisationSerializer}, operation_id="organisations_read")
    def get(self, request: Request, organisation_id: UUID) -> Response:
        """An organisation that you administer."""
        return Response(OrganisationSerializer(_administered(request, organisation_id)).data)

    @extend_schema(
        request=OrganisationChangeSerializer,
        responses={200: OrganisationSerializer},
        operation_id="organisations_change",
    )
    def patch(self, request: Request, organisation_id: UUID) -> Response:
        """Name and time zone."""
        organisation = _administered(request, organisation_id)
        found = checked(OrganisationChangeSerializer, request)
        name = found.get("name", organisation.name)
        zone = found.get("time_zone", organisation.time_zone)
        change_settings(organisation, name, zone, Actor.of(request))
        return Response(OrganisationSerializer(_administered(request, organisation_id)).data)


class DealerView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"DELETE": "people"}

    @extend_schema(responses={204: None}, operation_id="organisations_leave_dealer")
    def delete(self, request: Request, organisation_id: UUID) -> Response:
        """Ends the relation with the dealer, and all consents, at once."""
        organisation = _administered(request, organisation_id)
        end_relation(organisation, Actor.of(request), timezone.now())
        return Response(status=204)


class BrandingView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"GET": ("read", "people"), "PATCH": "people"}

    @extend_schema(responses={200: BrandingSerializer}, operation_id="branding_read")
    def get(self, request: Request, organisation_id: UUID) -> Response:
        """How the organisation shows itself."""
        return _brand(_administered(request, organisation_id))

    @extend_schema(
        request=BrandingChangeSerializer,
        responses={200: BrandingSerializer},
        operation_id="branding_change",
    )
    def patch(self, request: Request, organisation_id: UUID) -> Response:
        """Changes what is named; the answer tells the colours as they are used."""
        organisation = _administered(request, organisation_id)
        found = checked(BrandingChangeSerializer, request)
        _change_brand(organisation, found, Actor.of(request))
        return _brand(organisation)


@transaction.atomic
def _change_brand(organisation: Organisation, found: dict[str, Any], actor: Actor) -> None:
    if "logo" in found:
        logo = found.pop("logo")
        if logo is None:
            changes.remove_logo(organisation, actor)
        else:
            changes.set_logo(organisation, encode_logo(_decoded(logo)), actor)
    if found:
        now = BrandingSerializer(_row(organisation)).data
        kept = {name: now[name] for name in changes.Wanted.__dataclass_fields__}
        changes.set_branding(organisation, changes.Wanted(**{**kept, **found}), actor)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(400, "invalid", "logo: this is not base64.") from None


def _brand(organisation: Organisation) -> Response:
    return Response(BrandingSerializer(_row(organisation)).data)


def _row(organisation: Organisation) -> Branding:
    row = Branding.objects.defer("logo").filter(organisation=organisation).first()
    return row or Branding(organisation=organisation)


def _mine(request: Request) -> OrganisationQuerySet:
    administered = Organisation.objects.administered_by(request.user).filter(pk=OuterRef("pk"))
    belongs = Organisation.objects.visible_to(request.user).values("pk")
    mine: OrganisationQuerySet = (
        Organisation.objects.filter(pk__in=belongs)
        .select_related("dealer")
        .annotate(is_administrator=Exists(administered))
        .order_by("name", "pk")
    )
    return mine


def _administered(request: Request, organisation_id: UUID) -> Organisation:
    mine = _mine(request).filter(is_administrator=True)
    found: Organisation = get_object_or_404(mine, pk=organisation_id)
    return found
