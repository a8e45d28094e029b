"""What every template may show."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.middleware import current_membership
from accounts.models import Consent, Membership, Organisation
from accounts.organisations.brands import CONTERA, brand_of
from accounts.permissions import acts_for_dealer


def portal(request: HttpRequest) -> dict[str, Any]:  # Django's signature
    if not hasattr(request, "memberships"):  # an error before our middleware
        return {"brand": CONTERA}
    membership = current_membership(request)
    organisation = membership.organisation if membership else None
    return {
        "organisation": organisation,
        "brand": brand_of(organisation),
        "is_for_dealer": SimpleLazyObject(partial(acts_for_dealer, request)),
        "consents_in_force": SimpleLazyObject(partial(_consents, request, membership)),
        "requests_to_answer": SimpleLazyObject(partial(_asked, request)),
        "organisations": [m.organisation for m in request.memberships],
        "is_administrator": bool(membership and membership.is_administrator),
    }


def _asked(request: HttpRequest) -> list[Consent]:
    """What waits for the person's answer: who has no mail learns of it nowhere else. No query for
    whom none can concern."""
    belongs: list[Membership] = request.memberships  # type: ignore[attr-defined]  # as above
    customers = [
        m.organisation_id for m in belongs if m.is_administrator and m.organisation.dealer_id
    ]
    if not customers:
        return []
    asked = Consent.objects.filter(state=Consent.State.REQUESTED, organisation__in=customers)
    return list(asked.select_related("organisation", "dealer").order_by("created_at"))


def _consents(request: HttpRequest, membership: Membership | None) -> list[Consent]:
    """For the banner: those that the current organisation has given, and those by which the person
    sees video of customers. No query for whom none can concern."""
    belongs: list[Membership] = request.memberships  # type: ignore[attr-defined]  # as above
    concerning = Q()
    if membership is not None and membership.organisation.dealer_id:
        concerning |= Q(organisation=membership.organisation_id)
    if any(m.organisation.is_dealer for m in belongs):
        dealers = Organisation.objects.dealerships_of(request.user)
        concerning |= Q(dealer__in=dealers.values("pk"))
    if not concerning:
        return []
    in_force = Consent.objects.in_force(timezone.now()).filter(concerning)
    return list(in_force.select_related("organisation", "dealer").order_by("ends_at"))
