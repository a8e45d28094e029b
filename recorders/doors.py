"""What every page and API view of this app asks first: who is it, and may they."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from accounts.models import Organisation, User
from accounts.permissions import person_of
from recorders.models import Recorder
from recorders.querysets import configurable_by

AnyRequest = HttpRequest | Request


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is made from: an empty one that was sent is still one that was sent."""
    return request.POST if request.method == "POST" else None


def visible_recorder(request: AnyRequest, recorder_id: UUID) -> Recorder:
    """Raises Http404 when the person may see nothing of it."""
    recorders = Recorder.objects.visible_to(person_of(request))
    found: Recorder = get_object_or_404(
        recorders.select_related("organisation", "location", "network"), pk=recorder_id
    )
    return found


def configurable_recorder(request: AnyRequest, recorder_id: UUID) -> Recorder:
    """Raises Http404, or PermissionDenied for who sees it but does not configure it."""
    recorder = visible_recorder(request, recorder_id)
    if not may_configure(person_of(request), recorder):
        raise PermissionDenied(f"Your groups may not configure {recorder.name}.")
    return recorder


def removable_recorder(request: AnyRequest, recorder_id: UUID) -> Recorder:
    """Raises Http404, or PermissionDenied for who sees it but may not remove it."""
    recorder = visible_recorder(request, recorder_id)
    if not may_remove(person_of(request), recorder):
        raise PermissionDenied(f"Your groups may not remove {recorder.name}.")
    return recorder


def may_remove(user: User, recorder: Recorder) -> bool:
    return Recorder.objects.with_right(user, "delete").filter(pk=recorder.pk).exists()


def may_configure(user: User, recorder: Recorder) -> bool:
    return Recorder.objects.with_right(user, "configure").filter(pk=recorder.pk).exists()


def may_add_recorders(user: User, organisation: Organisation) -> bool:
    """Administrators, and people whose group configures everything."""
    return configurable_by(user).filter(pk=organisation.pk).exists()


def chosen_organisation(request: AnyRequest) -> Organisation | None:
    """What lists of recorders are about: the customer that a dealer's person named with
    `customer`, else the organisation of the request. Raises Http404 for who is no customer."""
    named = request.GET.get("customer", "")
    if not named:
        return getattr(request, "organisation", None) or None
    try:
        customer_id = UUID(named)
    except ValueError:
        raise Http404 from None
    customers = Organisation.objects.managed_by(person_of(request))
    found: Organisation = get_object_or_404(customers, pk=customer_id)
    return found


def configurable_organisation(request: AnyRequest) -> Organisation:
    """The organisation that the request is about, when the person may add recorders to it."""
    organisation = chosen_organisation(request)
    if not organisation or not may_add_recorders(person_of(request), organisation):
        raise PermissionDenied("Only people who may configure every recorder can do this.")
    return organisation
