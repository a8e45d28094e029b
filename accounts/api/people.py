"""Users and groups, for administrators."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Count
from django.db.models.functions import Lower
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api import ordering
from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.serializers import (
    GroupChangeSerializer,
    GroupSerializer,
    ListedGroupSerializer,
    NewGroupSerializer,
    NewUserSerializer,
    UserChangeSerializer,
    UserSerializer,
)
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.models import Group, Membership, Organisation
from accounts.permissions import IsAdministrator
from accounts.querysets import MembershipQuerySet, OrganisationOwnedQuerySet
from accounts.sessions import sign_out_of_organisation

ORDERS: ordering.Orders = {"name": Lower("name"), "email": Lower("user__email")}
SEARCH = OpenApiParameter("search", str, description="Words in the name or the e-mail address")
ORGANISATION = OpenApiParameter(
    "organisation", UUID, description="Needed only for a person of several that you administer"
)


class UsersView(ApiView, ListAPIView[Membership]):
    """The people of the organisations that the caller administers."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "POST": "people"}
    parameters = frozenset({"search", ordering.NAME})
    serializer_class = UserSerializer

    def get_queryset(self) -> models.QuerySet[Membership]:
        found = _users(self.request).search(self.request.query_params.get("search", "")[:100])
        return ordering.in_order(found.order_by("name", "pk"), self.request, ORDERS)

    @extend_schema(parameters=[SEARCH, ordering.parameter(ORDERS)], operation_id="users_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=NewUserSerializer, responses={201: UserSerializer}, operation_id="users_add"
    )
    def post(self, request: Request) -> Response:
        """Invites the person; the answer is the same whether they have an account or not."""
        found = checked(NewUserSerializer, request)
        organisation = administered(request, found.get("organisation"))
        groups = exactly(organisation.groups.all(), "pk", found["groups"], "groups")
        membership = services.add_person(
            organisation, found["email"], found["name"], groups, Actor.of(request)
        )
        return Response(UserSerializer(membership).data, status=201)


class UserView(ApiView):
    """A person of an organisation that the caller administers."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PATCH": "people", "DELETE": "people"}
    parameters = frozenset({"organisation"})

    @extend_schema(
        parameters=[ORGANISATION], responses={200: UserSerializer}, operation_id="users_read"
    )
    def get(self, request: Request, user_id: UUID) -> Response:
        return Response(UserSerializer(_user(request, user_id)).data)

    @extend_schema(
        parameters=[ORGANISATION],
        request=UserChangeSerializer,
        responses={200: UserSerializer},
        operation_id="users_change",
    )
    def patch(self, request: Request, user_id: UUID) -> Response:
        membership = _user(request, user_id)
        _change_user(membership, checked(UserChangeSerializer, request), request)
        return Response(UserSerializer(_user(request, user_id)).data)

    @extend_schema(parameters=[ORGANISATION], responses={204: None}, operation_id="users_remove")
    def delete(self, request: Request, user_id: UUID) -> Response:
        membership = _user(request, user_id)
        services.remove_person(membership, Actor.of(request))
        return Response(status=204)


class UserInvitationView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"POST": "people"}
    parameters = frozenset({"organisation"})

    @extend_schema(
        parameters=[ORGANISATION],
        request=None,
        responses={202: UserSerializer},
        operation_id="users_invite_again",
    )
    def post(self, request: Request, user_id: UUID) -> Response:
        """Send the invitation again to a person who has not joined yet."""
        membership = _user(request, user_id)
        services.invite_again(membership, Actor.of(request))
        return Response(UserSerializer(membership).data, status=202)


class UserSessionsView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"DELETE": "people"}
    parameters = frozenset({"organisation"})

    @extend_schema(parameters=[ORGANISATION], responses={204: None}, operation_id="users_sign_out")
    def delete(self, request: Request, user_id: UUID) -> Response:
        """Sign a person out of your organisation, wherever they are signed in."""
        sign_out_of_organisation(_user(request, user_id), Actor.of(request))
        return Response(status=204)


@transaction.atomic
def _change_user(membership: Membership, wanted: dict[str, Any], request: Request) -> None:
    actor = Actor.of(request)
    if "name" in wanted:
        services.rename_person(membership, wanted["name"], actor)
    if "groups" in wanted:
        own = membership.organisation.groups.all()
        services.set_groups(membership, exactly(own, "pk", wanted["groups"], "groups"), actor)
    services.set_state(membership, wanted.get("state", membership.state), actor)


class GroupsView(ApiView, ListAPIView[Group]):
    """The groups of the organisations that the caller administers; each alone lists its people."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "POST": "people"}
    serializer_class = ListedGroupSerializer

    def get_queryset(self) -> OrganisationOwnedQuerySet:
        return _groups(self.request)

    @extend_schema(operation_id="groups_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=NewGroupSerializer, responses={201: GroupSerializer}, operation_id="groups_add"
    )
    def post(self, request: Request) -> Response:
        found = checked(NewGroupSerializer, request)
        organisation = administered(request, found.get("organisation"))
        actor = Actor.of(request)
        group = services.create_group(organisation, found["name"], actor)
        return Response(GroupSerializer(_group(request, group.pk)).data, status=201)


class GroupView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PATCH": "people", "DELETE": "people"}

    @extend_schema(responses={200: GroupSerializer}, operation_id="groups_read")
    def get(self, request: Request, group_id: UUID) -> Response:
        return Response(GroupSerializer(_group(request, group_id)).data)

    @extend_schema(
        request=GroupChangeSerializer,
        responses={200: GroupSerializer},
        operation_id="groups_change",
    )
    def patch(self, request: Request, group_id: UUID) -> Response:
        group = _group(request, group_id)
        _change_group(group, checked(GroupChangeSerializer, request), request)
        return Response(GroupSerializer(_group(request, group_id)).data)

    @extend_schema(responses={204: None}, operation_id="groups_delete")
    def delete(self, request: Request, group_id: UUID) -> Response:
        group = _group(request, group_id)
        services.delete_group(group, Actor.of(request))
        return Response(status=204)


@transaction.atomic
def _change_group(group: Group, wanted: dict[str, Any], request: Request) -> None:
    actor = Actor.of(request)
    if "name" in wanted:
        services.rename_group(group, wanted["name"], actor)
    if "requires_mfa" in wanted:
        services.set_requires_mfa(group, wanted["requires_mfa"], actor)
    if "users" in wanted:
        own = group.organisation.memberships.select_related("user")
        services.set_members(group, exactly(own, "user_id", wanted["users"], "users"), actor)


# --- What the caller may see ----------------------------------------------------------------------


def _users(request: Request) -> MembershipQuerySet:
    people: MembershipQuerySet = Membership.objects.visible_to(request.user).people()
    return people.select_related("user", "organisation").prefetch_related("groups")


def _user(request: Request, user_id: UUID) -> Membership:
    found = _users(request).filter(user=user_id).order_by("organisation__name", "pk")
    if wanted := request.query_params.get("organisation"):
        found = found.filter(organisation=administered(request, wanted))
    people: list[Membership] = list(found[:2])
    if not people:
        raise Http404
    if len(people) > 1:
        raise Problem(400, "which_organisation", "Name one that you administer: `organisation`.")
    return people[0]


def _groups(request: Request) -> OrganisationOwnedQuerySet:
    groups: OrganisationOwnedQuerySet = Group.objects.visible_to(request.user)
    found: OrganisationOwnedQuerySet = groups.select_related("organisation").annotate(
        user_count=Count("memberships")
    )
    return found


def _group(request: Request, group_id: UUID) -> Group:
    found: Group = get_object_or_404(_groups(request), pk=group_id)
    return found


def administered(request: Request, wanted: object) -> Organisation:
    """The one named, or the only one that the caller administers."""
    mine: list[Organisation] = list(Organisation.objects.administered_by(request.user))
    named = [organisation for organisation in mine if str(organisation.pk) == str(wanted)]
    if wanted is None and len(mine) == 1:
        return mine[0]
    if not named:
        raise Problem(400, "which_organisation", "Name one that you administer: `organisation`.")
    return named[0]


def exactly(rows: models.QuerySet[Any], field: str, ids: Collection[UUID], name: str) -> list[Any]:
    """The rows with these ids; 400 when one is not there (Any: any model)."""
    found = list(rows.filter(**{f"{field}__in": ids}))
    missing = set(ids) - {getattr(row, field) for row in found}
    if missing:
        raise Problem(400, "unknown", f"{name}: there is no {min(map(str, missing))} here.")
    return found
