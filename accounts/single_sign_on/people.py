"""Whom of an organisation its identity provider means.

A subject is bound to one membership (`Federation`), once, and that alone counts from then on. The
first time it is found by e-mail address, but only an account that nobody else can have: of this
organisation alone, without password, second factor or single sign-on of its own. Every other
account must be proved by whoever has it (`connect`): no provider opens somebody else's account.
"""

from __future__ import annotations

import re
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts import services
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Federation, IdentityProvider, Membership, Organisation, User
from accounts.single_sign_on.identity import Identity, Refused

State = Membership.State


class ProofNeeded(Exception):
    """The person must sign in to their account here once, which connects it."""


def sign_in(
    provider: IdentityProvider, identity: Identity, address: str | None, now: datetime
) -> Federation:
    """Who it is, with groups as the provider has them. Raises Refused, ProofNeeded."""
    if not provider.is_enabled:
        raise Refused("off", f"{provider.organisation} does not use single sign-on.")
    actor = Actor(None, provider.name, address)
    try:
        federation = _known(provider, identity) or _first_time(provider, identity, actor)
    except IntegrityError:
        raise Refused("try_again", "Somebody signed in at the same moment. Try again.") from None
    federation.last_used_at = now
    federation.save(update_fields=["last_used_at"])
    settle_groups(provider, federation.membership, identity, actor)
    return federation


def connect(provider: IdentityProvider, identity: Identity, user: User, actor: Actor) -> Federation:
    """Binds the subject to the account of the person who just proved to have it. Raises Refused."""
    if user.circumstances.provider_of is not None:
        raise Refused("not_proved", "Sign in with the password of the account first.")
    membership = _membership(provider, user=user)
    if membership is None:
        raise Refused("not_member", f"Your account does not belong to {provider.organisation}.")
    _require_welcome(membership)
    if Federation.objects.filter(membership=membership).exists():
        raise Refused("connected", "This account is connected with somebody else there already.")
    try:
        return _bind(provider, identity, membership, actor)
    except IntegrityError:
        raise Refused("connected", "This sign-in is connected with another account.") from None


def _known(provider: IdentityProvider, identity: Identity) -> Federation | None:
    found = (
        Federation.objects.select_related("membership__user", "membership__organisation")
        .filter(provider=provider, subject=identity.subject)
        .first()
    )
    if found is not None:
        _require_welcome(found.membership)
    return found


def _require_welcome(membership: Membership) -> None:
    if membership.state == State.DISABLED or not membership.user.is_active:
        raise Refused("disabled", f"{membership.organisation} has disabled your account.")


def _first_time(provider: IdentityProvider, identity: Identity, actor: Actor) -> Federation:
    membership = _membership(provider, user__email=identity.email) if identity.email else None
    if membership is not None:
        _require_welcome(membership)
        if not is_nobody_elses(membership):
            raise ProofNeeded
        return _bind(provider, identity, membership, actor)
    if not provider.creates_people:
        who = identity.email or identity.name or "you"
        raise Refused("unknown", f"{provider.organisation} has no account for {who}.")
    if identity.email and User.objects.filter(email=identity.email).exists():
        services.add_person(provider.organisation, identity.email, identity.name, [], actor)
        raise ProofNeeded
    with transaction.atomic():
        return _bind(provider, identity, _create(provider, identity, actor), actor)


def _membership(provider: IdentityProvider, **of: object) -> Membership | None:
    people = Membership.objects.select_related("user", "organisation")
    found = people.filter(organisation=provider.organisation, user__is_service=False, **of)
    return found.first()


def is_nobody_elses(membership: Membership) -> bool:
    """Nobody has ever had a way into the account, and no other organisation knows it."""
    user = membership.user
    return not (
        user.has_usable_password()
        or user.memberships.exclude(pk=membership.pk).exists()
        or Authenticator.objects.filter(user=user).exists()
        or Federation.objects.filter(membership__user=user).exists()
    )


@transaction.atomic
def _bind(
    provider: IdentityProvider, identity: Identity, membership: Membership, actor: Actor
) -> Federation:
    if membership.state == State.INVITED:
        services.accept_invitation(membership, actor)
    federation = Federation.objects.create(
        provider=provider, subject=identity.subject, membership=membership
    )
    record(
        membership.organisation,
        actor,
        "person.connected",
        membership.user.login,
        provider=provider.name,
        subject=identity.subject,
    )
    return federation


def _create(provider: IdentityProvider, identity: Identity, actor: Actor) -> Membership:
    """Somebody who has no account anywhere, and no password: only this provider lets them in."""
    organisation = provider.organisation
    user = User(name=identity.name, password=make_password(None))
    if identity.email:
        user.email = identity.email
    else:
        user.username = _free_username(identity, organisation)
    user.save()
    membership = Membership.objects.create(
        user=user, organisation=organisation, name=identity.name, state=State.ACTIVE
    )
    record(organisation, actor, "person.created", user.login, name=identity.name)
    return membership


def _free_username(identity: Identity, organisation: Organisation) -> str:
    plain = re.sub(r"[^a-z0-9]+", ".", (identity.name or identity.subject).lower()).strip(".")
    base = plain[:60] or "person"
    taken = set(
        User.objects.filter(
            username__startswith=base, username__endswith=f"@{organisation.handle}"
        ).values_list("username", flat=True)
    )
    names = (f"{base}{number or ''}@{organisation.handle}" for number in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


# --- Groups ---------------------------------------------------------------------------------------


def settle_groups(
    provider: IdentityProvider, membership: Membership, identity: Identity, actor: Actor
) -> None:
    """The mapped groups become those that the provider names; others stay as they are. The last
    administrator stays one, whatever the provider says."""
    mapped = set(provider.group_map.values())
    if mapped:
        with transaction.atomic():  # what an administrator changes at this moment stays changed
            Organisation.objects.select_for_update().get(pk=provider.organisation_id)
            _settle_mapped(provider, membership, identity, actor, mapped)


def _settle_mapped(
    provider: IdentityProvider,
    membership: Membership,
    identity: Identity,
    actor: Actor,
    mapped: set[str],
) -> None:
    named = {provider.group_map[value] for value in identity.groups if value in provider.group_map}
    own = {str(group.pk): group for group in membership.organisation.groups.all()}
    before = {str(group.pk): group for group in membership.groups.all()}
    after = [own[pk] for pk in own if pk in ((before.keys() - mapped) | named)]
    try:
        services.set_groups(membership, after, actor)
    except NotPossible as error:
        if error.code != "last_administrator":
            raise
        kept = [own[pk] for pk in before if own[pk].is_administrators]
        services.set_groups(membership, [*after, *kept], actor)
