"""The dealers above an organisation, and the people who act for them there."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from accounts.models import Group, Membership, Organisation, User
from accounts.querysets import MAX_DEALER_LEVELS

ACTING = (Group.BuiltIn.ADMINISTRATORS, Group.BuiltIn.MANAGERS)


def name_in_trail(organisation: Organisation, user: User | None, name: str) -> str:
    """`Anna of North Security` for somebody who belongs to a dealer of the organisation and not to
    itself; for all others the name that is given."""
    if user is None or organisation.dealer_id is None:
        return name
    where = {m.organisation_id: m for m in _memberships(organisation, user)}
    if organisation.pk in where:
        return name
    for dealer in dealers_of(organisation):
        if dealer.pk in where:
            return f"{where[dealer.pk].name or user} of {dealer}"
    return name


def dealers_of(organisation: Organisation) -> list[Organisation]:
    """Its dealer, that one's dealer, and so on."""
    above: list[Organisation] = []
    while organisation.dealer is not None and len(above) < MAX_DEALER_LEVELS:
        organisation = organisation.dealer
        above.append(organisation)
    return above


def people_acting_for(dealers: Collection[Organisation]) -> QuerySet[User]:
    """For whom a relation or a consent to these dealers changes something."""
    groups = Group.objects.filter(organisation__in=dealers, built_in__in=ACTING)
    return User.objects.filter(memberships__groups__in=groups).distinct()


def everybody_at(organisation: Organisation) -> set[User]:
    """Its own people, and those who act for its dealers."""
    own = User.objects.filter(memberships__organisation=organisation)
    return {*own, *people_acting_for(dealers_of(organisation))}


def _memberships(organisation: Organisation, user: User) -> list[Membership]:
    everywhere = [organisation, *dealers_of(organisation)]
    mine = Membership.objects.filter(user=user, state=Membership.State.ACTIVE)
    return list(mine.filter(organisation__in=everywhere))
