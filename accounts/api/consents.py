"""Consents, for the administrators of a customer and those who act for its dealer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Case, Value, When
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.organisation_shapes import (
    ConsentAnswerSerializer,
    ConsentSerializer,
    NewConsentSerializer,
)
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.models import Consent, Organisation
from accounts.organisations import consents as changes
from accounts.organisations.consents import Wish
from accounts.organisations.outsiders import dealers_of
from accounts.querysets import ConsentQuerySet


class ConsentsView(ApiView, ListAPIView[Consent]):
    permission_classes = (IsAuthenticated,)
    scopes = {"GET": ("read", "people"), "POST": "people"}
    serializer_class = ConsentSerializer

    def get_queryset(self) -> ConsentQuerySet:
        return _visible(self.request)

    @extend_schema(operation_id="consents_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        """Consents that you gave, asked for, or were asked for; newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=NewConsentSerializer,
        responses={201: ConsentSerializer},
        operation_id="consents_add",
    )
    def post(self, request: Request) -> Response:
        """Asks a customer, or gives a dealer, consent to see video."""
        found = checked(NewConsentSerializer, request)
        wish = Wish(frozenset(found["rights"]), found["hours"], found["reason"])
        actor, now = Actor.of(request), timezone.now()
        managed = Organisation.objects.managed_by(request.user)
        administered = Organisation.objects.administered_by(request.user)
        dealerships = Organisation.objects.dealerships_of(request.user)
        if customer := administered.filter(pk=found["organisation"]).first():
            dealer = Organisation.objects.filter(pk=found["dealer"], is_dealer=True).first()
            if dealer is None or dealer not in dealers_of(customer):
                raise Problem(400, "unknown", "dealer: it is no dealer of this organisation.")
            consent = changes.give(customer, dealer, wish, actor, now)
        else:
            customer = get_object_or_404(managed, pk=found["organisation"])
            dealer = get_object_or_404(dealerships, pk=found["dealer"])
            consent = changes.ask(customer, dealer, wish, actor, now)
        return Response(_told(request, consent.pk), status=201)


class ConsentView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"GET": ("read", "people"), "DELETE": "people"}

    @extend_schema(responses={200: ConsentSerializer}, operation_id="consents_read")
    def get(self, request: Request, consent_id: UUID) -> Response:
        return Response(_told(request, consent_id))

    @extend_schema(responses={204: None}, operation_id="consents_withdraw")
    def delete(self, request: Request, consent_id: UUID) -> Response:
        """Withdraws it at once, by either side; or takes the request back."""
        consent: Consent = get_object_or_404(_visible(request), pk=consent_id)
        changes.withdraw(consent, Actor.of(request), timezone.now())
        return Response(status=204)


class ConsentAnswerView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"POST": "people", "DELETE": "people"}

    @extend_schema(
        request=ConsentAnswerSerializer,
        responses={200: ConsentSerializer},
        operation_id="consents_give",
    )
    def post(self, request: Request, consent_id: UUID) -> Response:
        """Gives what was asked for, or a part of it."""
        consent = _to_answer(request, consent_id)
        found = checked(ConsentAnswerSerializer, request)
        changes.accept(consent, found["rights"], found["hours"], Actor.of(request), timezone.now())
        return Response(_told(request, consent_id))

    @extend_schema(responses={204: None}, operation_id="consents_decline")
    def delete(self, request: Request, consent_id: UUID) -> Response:
        """Declines the request."""
        changes.decline(_to_answer(request, consent_id), Actor.of(request))
        return Response(status=204)


def _visible(request: Request) -> ConsentQuerySet:
    now = timezone.now()
    in_force = Consent.objects.in_force(now).values("pk")
    mine: ConsentQuerySet = Consent.objects.visible_to(request.user)
    annotated: ConsentQuerySet = mine.select_related("organisation", "dealer").annotate(
        is_in_force=Case(When(pk__in=in_force, then=Value(True)), default=Value(False))
    )
    return annotated


def _told(request: Request, consent_id: UUID) -> Any:  # Any: JSON
    return ConsentSerializer(get_object_or_404(_visible(request), pk=consent_id)).data


def _to_answer(request: Request, consent_id: UUID) -> Consent:
    """404 for who may not see it, 403 for the dealer: nobody answers themselves."""
    consent: Consent = get_object_or_404(_visible(request), pk=consent_id)
    mine = Organisation.objects.administered_by(request.user)
    if not mine.filter(pk=consent.organisation_id).exists():
        raise PermissionDenied("Only administrators of the customer can answer.")
    return consent
