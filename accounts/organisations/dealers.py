"""Dealers and their customers: making one, inviting again, parting.

People of a dealer are never members of a customer. What they may do there comes from the relation
alone (docs/design/access.md §2): recorders without video.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import services
from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Group, Membership, Organisation
from accounts.organisations.consents import withdraw_without_relation
from accounts.organisations.outsiders import dealers_of, people_acting_for
from accounts.querysets import MAX_DEALER_LEVELS


@transaction.atomic
def create_customer(
    dealer: Organisation, name: str, email: str, person_name: str, is_dealer: bool, actor: Actor
) -> Organisation:
    """A customer of the dealer, whose first administrator is invited; `is_dealer`: it may have
    customers of its own."""
    if not dealer.is_dealer:
        raise NotPossible("no_dealer", f"{dealer} is no dealer.")
    if is_dealer and len(dealers_of(dealer)) + 1 >= MAX_DEALER_LEVELS:
        raise NotPossible(
            "too_many_levels",
            f"Dealers go {MAX_DEALER_LEVELS} levels deep, and {dealer} is on the last one.",
        )
    invited = services.create_organisation(
        name, email, person_name, actor, dealer=dealer, is_dealer=is_dealer
    )
    customer = invited.organisation
    record(dealer, actor, "customer.created", customer, is_dealer=is_dealer)
    return customer


def first_administrator(customer: Organisation) -> Membership | None:
    """Who was invited first, while nobody has joined: all that a dealer learns of the people."""
    people = customer.memberships.select_related("user", "organisation").order_by("pk")
    if people.exclude(state=Membership.State.INVITED).exists():
        return None
    return people.filter(groups__built_in=Group.BuiltIn.ADMINISTRATORS).first()


def invite_first_again(customer: Organisation, actor: Actor) -> Membership:
    invited = first_administrator(customer)
    if invited is None:
        raise NotPossible("has_joined", f"Somebody has joined {customer} already.")
    services.invite_again(invited, actor)
    return invited


@transaction.atomic
def end_relation(customer: Organisation, actor: Actor, now: datetime) -> None:
    """The dealer, and dealers above it, can no longer do anything there, at once; consents end."""
    Organisation.objects.select_for_update().get(pk=customer.pk)
    customer.refresh_from_db(fields=["dealer"])
    dealer = customer.dealer
    if dealer is None:
        raise NotPossible("no_relation", f"{customer} has no dealer.")
    if first_administrator(customer):
        raise NotPossible("nobody_joined", f"Nobody has joined {customer}: nobody would manage it.")
    losing = people_acting_for(dealers_of(customer))
    record(customer, actor, "dealer.left", dealer)
    record(dealer, actor, "customer.left", customer)
    customer.dealer = None
    customer.save(update_fields=["dealer"])
    withdraw_without_relation(actor, now)
    announce_change(losing)
