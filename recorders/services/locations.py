"""Locations: the sites that recorders are listed by."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.models import Organisation
from recorders.models import Location


class NameTaken(Exception):
    """The organisation has a location of this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a location called {name} already.")


def location_named(organisation: Organisation, name: str) -> Location | None:
    """The organisation's location of this name, whatever its case; made when new, None for ""."""
    name = " ".join(name.split())
    if not name:
        return None
    known = organisation.locations.filter(name__iexact=name)
    try:
        with transaction.atomic():
            location: Location = known.first() or organisation.locations.create(name=name)
    except IntegrityError:  # somebody else made it in between
        location = known.get()
    return location


def add_location(organisation: Organisation, name: str, actor: Actor) -> Location:
    """Raises NameTaken."""
    try:
        with transaction.atomic():
            location: Location = organisation.locations.create(name=name)
            record(organisation, actor, "location.added", name, location=str(location.pk))
    except IntegrityError:
        raise NameTaken(name) from None
    return location


def rename_location(location: Location, name: str, actor: Actor) -> None:
    """Raises NameTaken."""
    before, location.name = location.name, name
    try:
        with transaction.atomic():
            location.save(update_fields=["name"])
            record(location.organisation, actor, "location.renamed", name, before=before)
    except IntegrityError:
        raise NameTaken(name) from None


def delete_location(location: Location, actor: Actor) -> None:
    """Its recorders stay, without a location; grants on it go."""
    with transaction.atomic():
        record(location.organisation, actor, "location.removed", location.name)
        announce_change(location.grants.people())
        location.delete()
