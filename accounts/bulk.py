"""The same change for many people at once, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from accounts import services
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import Group, Membership

MAX_PEOPLE = 500

ACTIONS = {
    "join": "Put into a group",
    "leave": "Take out of a group",
    "disable": "Disable",
    "enable": "Enable",
    "invite": "Invite again",
    "remove": "Remove",
}
WITH_GROUP = ("join", "leave")


@transaction.atomic
def change_all(people: Sequence[Membership], action: str, group: Group | None, actor: Actor) -> int:
    """How many it changed: who is as wanted already is passed over. Raises NotPossible naming the
    person."""
    if len(people) > MAX_PEOPLE:
        raise NotPossible("too_many", f"Choose at most {MAX_PEOPLE} people.")
    if action in WITH_GROUP and group is None:
        raise NotPossible("no_group", "Choose a group.")
    count = 0
    for membership in people:
        try:
            count += _ACT[action](membership, group, actor)
        except NotPossible as error:
            raise NotPossible(error.code, f"{membership}: {error.message}") from None
    return count


def _join(membership: Membership, group: Group | None, actor: Actor) -> bool:
    return _set_groups(membership, {*membership.groups.all(), group}, actor)


def _leave(membership: Membership, group: Group | None, actor: Actor) -> bool:
    return _set_groups(membership, set(membership.groups.all()) - {group}, actor)


def _set_groups(membership: Membership, groups: set[Group | None], actor: Actor) -> bool:
    wanted = {group for group in groups if group is not None}
    if wanted == set(membership.groups.all()):
        return False
    services.set_groups(membership, list(wanted), actor)
    return True


def _disable(membership: Membership, group: Group | None, actor: Actor) -> bool:
    if membership.state == Membership.State.DISABLED:
        return False
    services.disable_person(membership, actor)
    return True


def _enable(membership: Membership, group: Group | None, actor: Actor) -> bool:
    if membership.state != Membership.State.DISABLED:
        return False
    services.enable_person(membership, actor)
    return True


def _invite(membership: Membership, group: Group | None, actor: Actor) -> bool:
    if membership.state != Membership.State.INVITED:
        return False
    services.invite_again(membership, actor)
    return True


def _remove(membership: Membership, group: Group | None, actor: Actor) -> bool:
    services.remove_person(membership, actor)
    return True


_ACT: dict[str, Callable[[Membership, Group | None, Actor], bool]] = {
    "join": _join,
    "leave": _leave,
    "disable": _disable,
    "enable": _enable,
    "invite": _invite,
    "remove": _remove,
}
