"""A dealer's customers as a list: recorders, people who have not joined, consents; in a fixed
number of queries."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Prefetch, Q
from django.db.models.functions import Lower

from accounts.models import Consent, Membership, Organisation, User
from accounts.querysets import OrganisationQuerySet
from recorders.models import ONLINE_WITHIN
from recorders.words import words_of


def managed_customers(user: User, now: datetime) -> OrganisationQuerySet:
    """Those below the dealers for which the person acts, each with `recorder_count`,
    `online_count`, `has_joined`."""
    joined = Membership.objects.exclude(state=Membership.State.INVITED)
    present = Q(recorders__removed_at=None)
    online = Q(recorders__last_seen_at__gte=now - ONLINE_WITHIN)
    managed: OrganisationQuerySet = (
        Organisation.objects.managed_by(user)
        .annotate(
            recorder_count=Count("recorders", filter=present),
            online_count=Count("recorders", filter=present & online),
            has_joined=Exists(joined.filter(organisation=OuterRef("pk"))),
        )
        .order_by(Lower("name"), "pk")
    )
    return managed


def customers_of(dealer: Organisation, user: User, now: datetime) -> OrganisationQuerySet:
    """Of them those below this dealer, each with its dealer and `open_consents`: this dealer's,
    asked for or in force."""
    asked = Q(state=Consent.State.REQUESTED)
    given = Q(pk__in=Consent.objects.in_force(now).values("pk"))
    consents = Consent.objects.visible_to(user).filter(asked | given, dealer=dealer)
    given_first = consents.order_by("state", "-ends_at")
    shown = Prefetch("consents", given_first, to_attr="open_consents")
    mine = managed_customers(user, now).below(dealer)
    return mine.select_related("dealer").prefetch_related(shown)


def search(found: OrganisationQuerySet, words: str) -> OrganisationQuerySet:
    for word in words_of(words):
        found = found.filter(name__icontains=word)
    return found
