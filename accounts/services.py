"""Changes to organisations, people and groups: each one is checked, audited and announced.

An organisation that has an administrator who can sign in always keeps one (A9): every change runs
under a lock on its organisation's row and is undone when it would leave none.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts import invitations, onsite, tasks
from accounts.access import access_changed, announce_change
from accounts.audit import PORTAL, Actor, record
from accounts.built_in import make_built_in_groups
from accounts.errors import NotPossible
from accounts.limits import INVITATIONS, INVITATIONS_AGAIN, require
from accounts.models import Group, Membership, Organisation, User
from accounts.organisations.handles import free_handle

logger = logging.getLogger(__name__)

State = Membership.State
Owned = TypeVar("Owned", Group, Membership)


# --- Organisations --------------------------------------------------------------------------------


@transaction.atomic
def create_organisation(
    name: str,
    email: str,
    person_name: str = "",
    actor: Actor = PORTAL,
    *,
    dealer: Organisation | None = None,
    is_dealer: bool = False,
) -> Membership:
    """An organisation with its built-in groups and its first administrator, who is invited."""
    organisation = Organisation.objects.create(
        name=name, handle=free_handle(name), dealer=dealer, is_dealer=is_dealer
    )
    administrators = make_built_in_groups(organisation)
    record(organisation, actor, "organisation.created", organisation)
    return add_person(organisation, email, person_name, [administrators], actor)


# --- People ---------------------------------------------------------------------------------------


def add_person(
    organisation: Organisation, login: str, name: str, groups: Collection[Group], actor: Actor
) -> Membership:
    """Invites the person. By e-mail address, it looks the same whether they have an account already
    or not; a user name ends with `@` and the organisation's handle, and is of this one alone."""
    login = login.strip().lower()
    if actor.user is not None:
        require(INVITATIONS, organisation.pk, "invitations")
    with _change(organisation):
        known = Q(user__email=login) | Q(user__username=login)
        if organisation.memberships.filter(known).exists():
            raise NotPossible("already_member", f"{login} already belongs to {organisation}.")
        user = _account(organisation, login, name)
        membership = Membership.objects.create(
            user=user, organisation=organisation, name=name, state=State.INVITED
        )
        membership.groups.set(_own(organisation, groups))
        _settle(user)
        record(organisation, actor, "person.added", login, name=name, groups=_names(groups))
        invite(membership)
    return membership


def _account(organisation: Organisation, login: str, name: str) -> User:
    key = "username" if login.endswith(f"@{organisation.handle}") else "email"
    new = {"name": name, "password": make_password(None)}
    user, _ = User.objects.get_or_create(**{key: login}, defaults=new)
    if user.is_service:
        raise NotPossible("name_taken", f"{login} is the name of a service.")
    return user


def invite(membership: Membership) -> None:
    """A new link, which makes older ones void, mailed after the transaction."""
    invitations.renew(membership, timezone.now())
    transaction.on_commit(lambda: _mail_invitation(membership), robust=True)


def _mail_invitation(membership: Membership) -> None:
    """While Redis is away the invitation stands without its mail: a command prints the link, and
    inviting again mails another."""
    try:
        tasks.send_invitation.delay(membership.pk)
    except (OperationalError, OSError) as error:
        logger.warning("invitation of %s not mailed: %s", membership.pk, error)


def invite_again(membership: Membership, actor: Actor) -> None:
    require(INVITATIONS_AGAIN, membership.pk, "new invitations of one person")
    with _change(membership.organisation):
        membership.refresh_from_db(fields=["state"])
        if membership.state != State.INVITED:
            raise NotPossible("wrong_state", f"{membership} has joined already.")
        invite(membership)
        record(membership.organisation, actor, "person.invited_again", membership.user.login)


def accept_invitation(membership: Membership, actor: Actor, password: str | None = None) -> None:
    """The person joins; `password` is for an account that has none yet. Works once (A8)."""
    with _change(membership.organisation):
        won = Membership.objects.filter(pk=membership.pk, state=State.INVITED)
        if not won.update(state=State.ACTIVE):
            raise NotPossible("invitation_used", "This invitation was used already.")
        membership.state = State.ACTIVE
        if password is not None:
            _set_first_password(membership, password)
        record(membership.organisation, actor, "person.joined", membership.user.login)


def rename_person(membership: Membership, name: str, actor: Actor) -> None:
    if name == membership.name:
        return
    before, membership.name = membership.name, name
    with transaction.atomic():
        membership.save(update_fields=["name"])
        record(
            membership.organisation,
            actor,
            "person.renamed",
            membership.user.login,
            before=before,
            after=name,
        )


def set_groups(membership: Membership, groups: Collection[Group], actor: Actor) -> None:
    """The groups the person is in, replacing what was."""
    with _change(membership.organisation):
        before = list(membership.groups.all())
        if set(before) == set(groups):
            return
        membership.groups.set(_own(membership.organisation, groups))
        record(
            membership.organisation,
            actor,
            "person.groups_changed",
            membership.user.login,
            before=_names(before),
            after=_names(groups),
        )
        announce_change([membership.user])


def disable_person(membership: Membership, actor: Actor) -> None:
    """Ends the person's access to this organisation; a person left with none cannot sign in."""
    _move(membership, State.ACTIVE, State.DISABLED, actor, "person.disabled")


def enable_person(membership: Membership, actor: Actor) -> None:
    _move(membership, State.DISABLED, State.ACTIVE, actor, "person.enabled")


def set_state(membership: Membership, wanted: str, actor: Actor) -> None:
    """Active or disabled; nothing when it is that already."""
    if wanted != membership.state:
        is_disabling = wanted == State.DISABLED
        (disable_person if is_disabling else enable_person)(membership, actor)


def remove_person(membership: Membership, actor: Actor) -> None:
    """Takes the person out of the organisation, groups included; their account stays theirs."""
    with _change(membership.organisation):
        user, groups = membership.user, _names(membership.groups.all())
        membership.delete()
        _settle(user)
        record(membership.organisation, actor, "person.removed", user.login, groups=groups)
        announce_change([user])


def _move(membership: Membership, old: State, new: State, actor: Actor, action: str) -> None:
    with _change(membership.organisation):
        moved = Membership.objects.filter(pk=membership.pk, state=old).update(state=new)
        if not moved:
            membership.refresh_from_db(fields=["state"])
            raise NotPossible("wrong_state", f"{membership} is {membership.state}.")
        membership.state = new
        _settle(membership.user)
        record(membership.organisation, actor, action, membership.user.login)
        announce_change([membership.user])


def _settle(user: User) -> None:
    """Sign-in is for people whom at least one organisation has, invites, and has not disabled."""
    user.is_active = user.memberships.exclude(state=State.DISABLED).exists()
    user.save(update_fields=["is_active"])
    if not user.is_active:
        onsite.forget(user)


def is_in_use(user: User, joining: Membership | None = None) -> bool:
    """Somebody has, or had, a way into the account: a link of an administrator gives no second one,
    not even when the way is gone because an organisation switched its provider off."""
    joined = user.memberships.exclude(state=State.INVITED).exclude(pk=joining and joining.pk)
    return user.has_usable_password() or joined.exists()


def _set_first_password(membership: Membership, password: str) -> None:
    """Of two invitations to a new account that are taken up at once, one sets it."""
    user = membership.user
    user.password = User.objects.select_for_update().get(pk=user.pk).password
    if is_in_use(user, membership):
        raise NotPossible("has_password", "This account is in use already: sign in to it.")
    user.set_password(password)
    user.save(update_fields=["password"])


# --- Groups ---------------------------------------------------------------------------------------


def create_group(organisation: Organisation, name: str, actor: Actor) -> Group:
    with _change(organisation):
        _require_free_name(organisation, name)
        group = Group.objects.create(organisation=organisation, name=name)
        record(organisation, actor, "group.created", group)
    return group


def rename_group(group: Group, name: str, actor: Actor) -> None:
    if name == group.name:
        return
    with _change(group.organisation):
        _require_editable(group)
        _require_free_name(group.organisation, name, group)
        before, group.name = group.name, name
        group.save(update_fields=["name"])
        record(group.organisation, actor, "group.renamed", name, before=before, after=name)


def set_members(group: Group, memberships: Collection[Membership], actor: Actor) -> None:
    """The people in the group, replacing who was."""
    with _change(group.organisation):
        before = set(group.memberships.select_related("user"))
        after = set(memberships)
        change_members(group, actor, added=after - before, removed=before - after)


def change_members(
    group: Group,
    actor: Actor,
    added: Collection[Membership] = (),
    removed: Collection[Membership] = (),
) -> None:
    """Some people join the group, others leave it; all others stay."""
    if not added and not removed:
        return
    with _change(group.organisation):
        group.memberships.add(*_own(group.organisation, added))
        group.memberships.remove(*_own(group.organisation, removed))
        record(
            group.organisation,
            actor,
            "group.members_changed",
            group,
            added=_emails(added),
            removed=_emails(removed),
        )
        announce_change({membership.user for membership in (*added, *removed)})


def set_requires_mfa(group: Group, is_required: bool, actor: Actor) -> None:
    """Whether the group counts only for those who signed in with a second factor."""
    if is_required == group.requires_mfa:
        return
    with _change(group.organisation):
        _require_own_second_factor(group, is_required, actor)
        before, group.requires_mfa = group.requires_mfa, is_required
        group.save(update_fields=["requires_mfa"])
        record(
            group.organisation,
            actor,
            "group.second_factor_changed",
            group,
            before=before,
            after=is_required,
        )
        announce_change(User.objects.filter(memberships__groups=group))


def _require_own_second_factor(group: Group, is_required: bool, actor: Actor) -> None:
    """Nobody shuts themselves out of administering."""
    has_one = actor.user is None or actor.user.circumstances.is_strong
    if group.is_administrators and is_required and not has_one:
        raise NotPossible(
            "needs_mfa",
            "Sign in with a second factor of your own first: without one you would no longer be an"
            " administrator.",
        )


def delete_group(group: Group, actor: Actor) -> None:
    """Its members lose what only this group gave them."""
    with _change(group.organisation):
        _require_editable(group)
        members = list(group.memberships.select_related("user"))
        record(group.organisation, actor, "group.deleted", group, members=_emails(members))
        announce_change([membership.user for membership in members])
        group.delete()


def _require_editable(group: Group) -> None:
    if group.built_in:
        raise NotPossible("built_in", f"{group} is built in: its members can change, nothing else.")


def _require_free_name(organisation: Organisation, name: str, besides: Group | None = None) -> None:
    taken = organisation.groups.filter(name__iexact=name).exclude(pk=besides and besides.pk)
    if taken.exists():
        raise NotPossible("name_taken", f"There is a group called {name} already.")


# --- Shared ---------------------------------------------------------------------------------------


@contextmanager
def _change(organisation: Organisation) -> Iterator[None]:
    """One change at a time per organisation, undone if its last administrator would go."""
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        administrators = organisation.memberships.administrators()
        had_one = administrators.exists()
        access_changed([organisation.pk])
        yield
        if had_one and not administrators.all().exists():
            raise NotPossible(
                "last_administrator",
                f"{organisation} needs at least one administrator who can sign in.",
            )


def _own(organisation: Organisation, rows: Iterable[Owned]) -> list[Owned]:
    """The rows, which must be of this organisation; pages and API only offer such."""
    own = list(rows)
    if any(row.organisation_id != organisation.pk for row in own):
        raise NotPossible("other_organisation", f"That is not of {organisation}.")
    return own


def _names(groups: Iterable[Group]) -> list[str]:
    return sorted(group.name for group in groups)


def _emails(memberships: Iterable[Membership]) -> list[str]:
    return sorted(membership.user.login for membership in memberships)
