"""A dealer's customers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.organisation_shapes import Name
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.emails import ApiEmailField
from accounts.models import Organisation
from accounts.organisations import dealers
from accounts.permissions import person_of
from accounts.querysets import OrganisationQuerySet
from recorders.customers import managed_customers, search

SEARCH = OpenApiParameter("search", str, description="Words in the name")


class CustomerSerializer(serializers.ModelSerializer[Organisation]):
    """`has_joined`: somebody has taken up an invitation."""

    recorder_count = serializers.IntegerField()
    online_count = serializers.IntegerField()
    has_joined = serializers.BooleanField()

    class Meta:
        model = Organisation
        fields = [
            "id",
            "name",
            "dealer",
            "is_dealer",
            "recorder_count",
            "online_count",
            "has_joined",
            "created_at",
        ]
        read_only_fields = fields


class NewCustomerSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    dealer = serializers.UUIDField(
        required=False, help_text="Needed only by those who act for several dealers"
    )
    name = Name(max_length=100)
    email = ApiEmailField(max_length=254, help_text="Of its first administrator")
    person_name = Name(max_length=100, required=False, allow_blank=True)
    is_dealer = serializers.BooleanField(default=False)


class IsOfDealer(IsAuthenticated):
    """People who act for at least one dealer."""

    message = "Only administrators and managers of a dealer can do this."

    def has_permission(self, request: Request, view: Any) -> bool:  # DRF's signature
        dealers_of_caller = Organisation.objects.dealerships_of(request.user)
        return super().has_permission(request, view) and dealers_of_caller.exists()


class CustomersView(ApiView, ListAPIView[Organisation]):
    permission_classes = (IsOfDealer,)
    scopes = {"GET": ("read", "people"), "POST": "people"}
    parameters = frozenset({"search"})
    serializer_class = CustomerSerializer

    def get_queryset(self) -> OrganisationQuerySet:
        words = self.request.query_params.get("search", "")[:100]
        return search(_customers(self.request), words)

    @extend_schema(parameters=[SEARCH], operation_id="customers_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        """Customers of the dealers for which you act, and of dealers below them."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=NewCustomerSerializer,
        responses={201: CustomerSerializer},
        operation_id="customers_add",
    )
    def post(self, request: Request) -> Response:
        """Creates a customer and invites its first administrator."""
        found = checked(NewCustomerSerializer, request)
        customer = dealers.create_customer(
            _dealer(request, found.get("dealer")),
            found["name"],
            found["email"],
            found.get("person_name", ""),
            found["is_dealer"],
            Actor.of(request),
        )
        return Response(CustomerSerializer(_customer(request, customer.pk)).data, status=201)


class CustomerView(ApiView):
    permission_classes = (IsOfDealer,)
    scopes = {"GET": ("read", "people"), "DELETE": "people"}

    @extend_schema(responses={200: CustomerSerializer}, operation_id="customers_read")
    def get(self, request: Request, customer_id: UUID) -> Response:
        return Response(CustomerSerializer(_customer(request, customer_id)).data)

    @extend_schema(responses={204: None}, operation_id="customers_leave")
    def delete(self, request: Request, customer_id: UUID) -> Response:
        """Ends the relation, not the customer: by its own dealer, once somebody has joined."""
        customer = _customer(request, customer_id)
        own = Organisation.objects.dealerships_of(request.user).filter(pk=customer.dealer_id)
        if not own.exists():
            raise Problem(403, "not_allowed", "Only its own dealer can end this.")
        dealers.end_relation(customer, Actor.of(request), timezone.now())
        return Response(status=204)


class CustomerInvitationView(ApiView):
    permission_classes = (IsOfDealer,)
    scopes = {"POST": "people"}

    @extend_schema(request=None, responses={204: None}, operation_id="customers_invite_again")
    def post(self, request: Request, customer_id: UUID) -> Response:
        """Sends the first administrator's invitation again, while nobody has joined."""
        dealers.invite_first_again(_customer(request, customer_id), Actor.of(request))
        return Response(status=204)


def _customers(request: Request) -> OrganisationQuerySet:
    return managed_customers(person_of(request), timezone.now())


def _customer(request: Request, customer_id: UUID) -> Organisation:
    found: Organisation = get_object_or_404(_customers(request), pk=customer_id)
    return found


def _dealer(request: Request, wanted: UUID | None) -> Organisation:
    """The one named, or the only one for which the caller acts."""
    mine: list[Organisation] = list(Organisation.objects.dealerships_of(request.user))
    if wanted is None and len(mine) == 1:
        return mine[0]
    named = [dealer for dealer in mine if dealer.pk == wanted]
    if not named:
        raise Problem(400, "which_dealer", "Name one for which you act: `dealer`.")
    return named[0]
