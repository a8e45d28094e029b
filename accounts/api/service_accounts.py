"""Services and their tokens, for administrators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api.body import checked
from accounts.api.new_tokens import issued, require_fresh_sign_in
from accounts.api.people import SEARCH, administered, exactly
from accounts.api.serializers import (
    ApiTokenSerializer,
    IssuedTokenSerializer,
    NewServiceSerializer,
    NewServiceTokenSerializer,
    ServiceSerializer,
    UserChangeSerializer,
)
from accounts.api.views import ApiView
from accounts.api_tokens import withdraw_api_token
from accounts.audit import Actor
from accounts.models import Membership
from accounts.permissions import IsAdministrator
from accounts.querysets import MembershipQuerySet
from accounts.scopes import WHOLE_TOKEN
from accounts.service_accounts import add_service, remove_service


class ServicesView(ApiView, ListAPIView[Membership]):
    """The services of the organisations that the caller administers."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "POST": "people"}
    parameters = frozenset({"search"})
    serializer_class = ServiceSerializer

    def get_queryset(self) -> MembershipQuerySet:
        words = self.request.query_params.get("search", "")[:100]
        return _services(self.request).search(words).order_by("name", "pk")

    @extend_schema(parameters=[SEARCH], operation_id="services_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        """Accounts of programs."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=NewServiceSerializer,
        responses={201: ServiceSerializer},
        operation_id="services_add",
    )
    def post(self, request: Request) -> Response:
        """Add a service; it can do nothing before it has a token."""
        found = checked(NewServiceSerializer, request)
        organisation = administered(request, found.get("organisation"))
        groups = exactly(organisation.groups.all(), "pk", found["groups"], "groups")
        made = add_service(organisation, found["name"], groups, Actor.of(request))
        return Response(ServiceSerializer(made).data, status=201)


class ServiceView(ApiView):
    """A service of an organisation that the caller administers."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PATCH": "people", "DELETE": "people"}

    @extend_schema(responses={200: ServiceSerializer}, operation_id="services_read")
    def get(self, request: Request, service_id: UUID) -> Response:
        """One service."""
        return Response(ServiceSerializer(_service(request, service_id)).data)

    @extend_schema(
        request=UserChangeSerializer,
        responses={200: ServiceSerializer},
        operation_id="services_change",
    )
    def patch(self, request: Request, service_id: UUID) -> Response:
        """Rename, disable or enable a service, or choose its groups."""
        service = _service(request, service_id)
        _change(service, checked(UserChangeSerializer, request), Actor.of(request))
        return Response(ServiceSerializer(_service(request, service_id)).data)

    @extend_schema(responses={204: None}, operation_id="services_remove")
    def delete(self, request: Request, service_id: UUID) -> Response:
        """Remove a service with its tokens."""
        remove_service(_service(request, service_id), Actor.of(request))
        return Response(status=204)


class ServiceTokensView(ApiView):
    """Tokens of a service: bound to its organisation."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "POST": WHOLE_TOKEN}

    @extend_schema(
        responses={200: ApiTokenSerializer(many=True)}, operation_id="service_tokens_list"
    )
    def get(self, request: Request, service_id: UUID) -> Response:
        """The tokens of a service, without their keys."""
        tokens = _service(request, service_id).user.api_tokens.order_by("-created_at")
        return Response(ApiTokenSerializer(tokens, many=True).data)

    @extend_schema(
        request=NewServiceTokenSerializer,
        responses={201: IssuedTokenSerializer},
        operation_id="service_tokens_create",
    )
    def post(self, request: Request, service_id: UUID) -> Response:
        """A token for a service. The answer is the only one that holds the key."""
        service = _service(request, service_id)
        require_fresh_sign_in(request)
        found = checked(NewServiceTokenSerializer, request)
        wanted = {**found, "organisation": None}
        return issued(service.user, wanted, Actor.of(request), timezone.now(), service.organisation)


class ServiceTokenView(ApiView):
    """A token of a service."""

    permission_classes = (IsAdministrator,)
    scopes = {"DELETE": "people"}

    @extend_schema(responses={204: None}, operation_id="service_tokens_withdraw")
    def delete(self, request: Request, service_id: UUID, service_token_id: UUID) -> Response:
        """Withdraw a token of a service at once."""
        tokens = _service(request, service_id).user.api_tokens.select_related("user")
        withdraw_api_token(get_object_or_404(tokens, pk=service_token_id), Actor.of(request))
        return Response(status=204)


@transaction.atomic
def _change(service: Membership, wanted: dict[str, Any], actor: Actor) -> None:
    if "name" in wanted:
        services.rename_person(service, wanted["name"], actor)
    if "groups" in wanted:
        own = service.organisation.groups.all()
        services.set_groups(service, exactly(own, "pk", wanted["groups"], "groups"), actor)
    services.set_state(service, wanted.get("state", service.state), actor)


def _services(request: Request) -> MembershipQuerySet:
    mine: MembershipQuerySet = Membership.objects.visible_to(request.user).services()
    return mine.select_related("user", "organisation").prefetch_related("groups")


def _service(request: Request, service_id: UUID) -> Membership:
    found: Membership = get_object_or_404(_services(request), user=service_id)
    return found
