"""On-site secrets: what recorders check a person with while the portal is away.

A secret is made where a password is seen: at a sign-in, and whenever a new one is set. Who never
types one here makes an on-site code instead. `protocol.bundle` says how recorders use it.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.access import access_changed, announce_change
from accounts.audit import Actor, record, record_in_each
from accounts.errors import NotPossible
from accounts.hashing import hashing_slot
from accounts.models import Membership, OnsiteSecret, Organisation, User
from protocol.bundle import onsite_root, plain_code

MAX_HOURS = 168
_SALT_BYTES = 16
# Read aloud and typed: no look-alikes; 16 of 32 letters are 80 bits.
_LETTERS = "abcdefghjkmnpqrstuvwxyz023456789"
_CODE_GROUPS, _GROUP_LETTERS = 4, 4

Origin = OnsiteSecret.Origin


@sensitive_variables("password")
def password_seen(user: User, password: str) -> None:
    """At a sign-in with the right password: makes the secret if there is none yet."""
    if _is_wanted(user) and not OnsiteSecret.objects.filter(user=user).exists():
        _make(user, Origin.PASSWORD, password, timezone.now())


@sensitive_variables("password")
def password_changed(user: User, password: str) -> None:
    """A new password: what was made from the old one, or in its place, is gone."""
    forget(user)
    if _is_wanted(user):
        _make(user, Origin.PASSWORD, password, timezone.now())


class FollowsPassword:
    """A validator that takes every password: Django tells validators of new ones."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Nothing is refused here."""

    def get_help_text(self) -> str:
        return ""

    @sensitive_variables("password")
    def password_changed(self, password: str, user: User | None = None) -> None:
        if user is not None:
            password_changed(user, password)


@sensitive_variables("code")
def make_code(user: User, actor: Actor, now: datetime) -> str:
    """An on-site code, which nobody can read again; it replaces what there was. Who is here by an
    organisation's provider makes one for that organisation alone. Raises NotPossible."""
    if not _is_wanted(user):
        raise NotPossible("no_onsite", "None of your organisations lets people sign in on site.")
    code = _random_code()
    with transaction.atomic():
        forget(user)
        _make(user, Origin.CODE, plain_code(code), now, user.circumstances.provider_of)
        announce_change([user])
        record_in_each(_known_to(user), actor, "person.onsite_code_made", user.login)
    return code


def withdraw_code(user: User, actor: Actor) -> None:
    """The code no longer works; a password is taken again from the next sign-in on."""
    mine = OnsiteSecret.objects.filter(user=user, origin=Origin.CODE)
    if (provider_of := user.circumstances.provider_of) is not None:
        mine = mine.filter(organisation=provider_of)
    with transaction.atomic():
        if mine.delete()[0]:
            announce_change([user])
            record_in_each(_known_to(user), actor, "person.onsite_code_withdrawn", user.login)


def forget(user: User) -> None:
    """The person cannot sign in on site any more."""
    OnsiteSecret.objects.filter(user=user).delete()


def set_hours(organisation: Organisation, hours: int, actor: Actor) -> None:
    """For how long recorders let people sign in without the portal; 0: not at all. Raises
    NotPossible."""
    if not 0 <= hours <= MAX_HOURS:
        raise NotPossible("bad_hours", f"Choose 0 to {MAX_HOURS} hours.")
    if hours == organisation.onsite_hours:
        return
    before, organisation.onsite_hours = organisation.onsite_hours, hours
    with transaction.atomic():
        organisation.save(update_fields=["onsite_hours"])
        if not hours:
            _forget_people_of(organisation)
        access_changed([organisation.pk])
        record(
            organisation,
            actor,
            "organisation.onsite_changed",
            organisation,
            before=before,
            after=hours,
        )


def longest_hours(user: User) -> int:
    """The longest time that one of the person's organisations gives; 0: none does."""
    active = Membership.objects.filter(user=user, state=Membership.State.ACTIVE)
    found = active.aggregate(most=Max("organisation__onsite_hours"))["most"]
    return 0 if user.is_service else found or 0


def _forget_people_of(organisation: Organisation) -> None:
    """Secrets that no other organisation has a use for."""
    elsewhere = Membership.objects.exclude(organisation=organisation).filter(
        organisation__onsite_hours__gt=0
    )
    OnsiteSecret.objects.filter(user__memberships__organisation=organisation).exclude(
        user__memberships__in=elsewhere
    ).delete()


def _is_wanted(user: User) -> bool:
    return longest_hours(user) > 0


def _known_to(user: User) -> list[Organisation]:
    active = Membership.objects.filter(user=user, state=Membership.State.ACTIVE)
    return list(Organisation.objects.filter(memberships__in=active))


@sensitive_variables("secret", "root")
def _make(
    user: User, origin: Origin, secret: str, now: datetime, organisation_id: UUID | None = None
) -> None:
    salt = secrets.token_bytes(_SALT_BYTES)
    with hashing_slot():
        root = onsite_root(secret, salt)
    OnsiteSecret.objects.update_or_create(
        user=user,
        defaults={
            "origin": origin,
            "salt": base64.b64encode(salt).decode(),
            "root": base64.b64encode(root).decode(),
            "made_at": now,
            "organisation_id": organisation_id,
        },
    )
    access_changed([organisation.pk for organisation in _known_to(user)])


def _random_code() -> str:
    groups = (
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LETTERS))
        for _ in range(_CODE_GROUPS)
    )
    return "-".join(groups)
