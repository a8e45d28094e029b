"""Who may open a page or call an endpoint of this app."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.middleware import current_membership
from accounts.models import Organisation, User

View = Callable[..., HttpResponseBase]


def for_administrators(view: View) -> View:
    """Signed-in administrators of the current organisation, which the view gets as its second
    argument; 403 for others who are signed in."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # the view
        membership = current_membership(request)
        if membership is None or not membership.is_administrator:
            raise PermissionDenied("Only administrators of your organisation can do this.")
        return view(request, membership.organisation, *args, **kwargs)

    return guarded


def for_dealers(view: View) -> View:
    """Signed-in administrators and managers of the current organisation, which is a dealer and the
    view's second argument; 403 for others who are signed in."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # the view
        membership = current_membership(request)
        if membership is None or not acts_for_dealer(request):
            raise PermissionDenied("Only administrators and managers of a dealer can do this.")
        return view(request, membership.organisation, *args, **kwargs)

    return guarded


def acts_for_dealer(request: HttpRequest) -> bool:
    """In the current organisation. No query for who is in no dealer."""
    membership = current_membership(request)
    if membership is None or not membership.organisation.is_dealer:
        return False
    dealers = Organisation.objects.dealerships_of(request.user)
    return bool(dealers.filter(pk=membership.organisation_id).exists())


def person_of(request: HttpRequest | Request) -> User:
    """The signed-in person; who is not was turned away before."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


class IsAdministrator(IsAuthenticated):
    """Signed-in people who administer at least one organisation."""

    message = "Only administrators of an organisation can do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return (
            super().has_permission(request, view)
            and Organisation.objects.administered_by(request.user).exists()
        )
