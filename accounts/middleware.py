"""Per request: the organisation it is about, and that no answer to a signed-in person is cached."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.circumstances import Circumstances
from accounts.client_address import client_address
from accounts.models import Group, Membership, Organisation, User
from accounts.second_factor import is_strong
from accounts.sessions import signed_in_at
from accounts.single_sign_on import sessions as sign_on_sessions

ORGANISATION_KEY = "organisation"  # in the session: the one the person switched to

GetResponse = Callable[[HttpRequest], HttpResponse]


class CircumstancesMiddleware:
    """Knows how the person of `request.user` is here; read when the user is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = request.user
        request.user = SimpleLazyObject(lambda: with_request_circumstances(request, known))  # type: ignore[assignment]  # as Django's own
        return self.get_response(request)


def with_request_circumstances(
    request: HttpRequest, user: User | AnonymousUser
) -> User | AnonymousUser:
    """The person, knowing how they are here by what the session and the connection say."""
    if not user.is_authenticated:  # also resolves Django's lazy object
        return AnonymousUser()
    try:
        vouched = sign_on_sessions.standing(request.session, user, timezone.now())
    except sign_on_sessions.Over:
        request.session.flush()
        return AnonymousUser()
    user.circumstances = Circumstances(
        client="browser",
        address=client_address(request),
        is_strong=vouched.is_strong if vouched else is_strong(request, user),
        provider_of=vouched.organisation_id if vouched else None,
        signed_in_at=signed_in_at(request.session),
    )
    return user


class OrganisationMiddleware:
    """Sets, each read by at most two queries and only when used:

    * `request.memberships`: where the person belongs, with `is_administrator` each;
    * `request.organisation`: the one they chose, or their first; else None (false).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.memberships = SimpleLazyObject(lambda: memberships_of(request.user))  # type: ignore[attr-defined]  # ours
        request.organisation = SimpleLazyObject(partial(current_organisation, request))  # type: ignore[attr-defined]  # ours
        return self.get_response(request)


def memberships_of(user: User | AnonymousUser) -> list[Membership]:
    belongs = Membership.objects.in_force(user).select_related("organisation__branding")
    mine = list(
        belongs.defer("organisation__branding__logo").order_by("organisation__name", "organisation")
    )
    administrators = Group.objects.counting_for(user).filter(
        built_in=Group.BuiltIn.ADMINISTRATORS, memberships__in=mine
    )
    administering = set(administrators.values_list("memberships", flat=True)) if mine else ()
    for membership in mine:
        membership.is_administrator = membership.pk in administering
    return mine


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership in the organisation that this request is about."""
    mine: list[Membership] = request.memberships  # type: ignore[attr-defined]  # set above
    chosen = request.session.get(ORGANISATION_KEY) if hasattr(request, "session") else None
    matching = (m for m in mine if str(m.organisation_id) == chosen)
    return next(matching, mine[0] if mine else None)


def current_organisation(request: HttpRequest) -> Organisation | None:
    membership = current_membership(request)
    return membership.organisation if membership else None


class NoStoreMiddleware:
    """Answers to a signed-in person are never kept by a cache on the way (A3)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response
