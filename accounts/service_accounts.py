"""Services: accounts of programs. They belong to one organisation, are in groups like people, have
tokens and no password, and are never invited: nobody signs in to pages as one.

Renaming, groups, disabling and enabling are those of people (`accounts.services`).
"""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Group, Membership, Organisation, User

MAX_SERVICES = 200  # of an organisation
MAX_SLUG = 60


def add_service(
    organisation: Organisation, name: str, groups: Collection[Group], actor: Actor
) -> Membership:
    """Raises NotPossible for a name that is taken, or says nothing."""
    login = _login(organisation, name)
    if Membership.objects.services().filter(organisation=organisation).count() >= MAX_SERVICES:
        raise NotPossible("too_many_services", f"{MAX_SERVICES} services are the most.")
    if any(group.organisation_id != organisation.pk for group in groups):
        raise NotPossible("other_organisation", f"That is not of {organisation}.")
    try:
        with transaction.atomic():
            membership = _create(organisation, login, name, groups)
            names = sorted(group.name for group in groups)
            record(organisation, actor, "service.added", login, name=name, groups=names)
    except IntegrityError:
        raise NotPossible("name_taken", f"There is a service {login} already.") from None
    return membership


@transaction.atomic
def remove_service(membership: Membership, actor: Actor) -> None:
    """With its tokens; the audit trail keeps its name."""
    service = membership.user
    record(membership.organisation, actor, "service.removed", service.login, name=membership.name)
    announce_change([service])
    service.delete()


def _login(organisation: Organisation, name: str) -> str:
    slug = slugify(name)[:MAX_SLUG]
    if not slug:
        raise NotPossible("bad_name", "The name needs a letter from a to z, or a digit.")
    return f"{slug}@{organisation.handle}"


def _create(
    organisation: Organisation, login: str, name: str, groups: Collection[Group]
) -> Membership:
    user = User.objects.create(
        username=login, name=name, is_service=True, password=make_password(None)
    )
    membership = Membership.objects.create(user=user, organisation=organisation, name=name)
    membership.groups.set(groups)
    return membership
