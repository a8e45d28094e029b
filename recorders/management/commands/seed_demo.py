"""`manage.py seed_demo`: the people of the demo (`make demo`).

Reads a JSON object from standard input, so that no password is in the list of processes:
`admin`, `viewer` and `stranger` (each `email`, `password`), `api_token` (the admin's key of an
earlier run, or ""), and `recorder_id` (what the viewer may watch, or ""). Writes
`{"api_token": …}` to standard output: the same key while it is good, else a new one. May be run
again at any time.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts.built_in import make_built_in_groups
from accounts.models import ApiToken, Group, Membership, Organisation, User
from accounts.organisations.handles import free_handle
from recorders.models import Grant, Recorder

ORGANISATION, OTHER_ORGANISATION = "Demo organisation", "Another organisation"
OWN_GROUP = "Gate keepers"


class Command(BaseCommand):
    help = "Makes the organisations, people and groups of the demo; reads JSON from standard input."

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        wanted: dict[str, Any] = json.load(sys.stdin)  # Any: as JSON gives it
        with transaction.atomic():
            organisation = _organisation(ORGANISATION)
            other = _organisation(OTHER_ORGANISATION)
            admin = _person(wanted["admin"], "Demo administrator")
            viewer = _person(wanted["viewer"], "Demo viewer")
            stranger = _person(wanted["stranger"], "Somebody else")
            _put_into(_administrators(organisation), admin)
            _put_into(_administrators(other), stranger)
            viewers, _ = Group.objects.get_or_create(organisation=organisation, name=OWN_GROUP)
            _put_into(viewers, viewer)
            _grant(viewers, wanted.get("recorder_id", ""))
            key = _token(admin, wanted.get("api_token", ""))
        self.stdout.write(json.dumps({"api_token": key}))


def _organisation(name: str) -> Organisation:
    # Names are not unique: only organisations that this command made are called so.
    known: Organisation | None = Organisation.objects.filter(name=name).first()
    if known is not None:
        return known
    made: Organisation = Organisation.objects.create(name=name, handle=free_handle(name))
    make_built_in_groups(made)
    return made


def _person(account: dict[str, str], name: str) -> User:
    user = User.objects.filter(email__iexact=account["email"]).first()
    if user is None:
        return User.objects.create_user(account["email"], account["password"], name)
    if not user.check_password(account["password"]):
        user.set_password(account["password"])  # the terminal shows this one
        user.save(update_fields=["password"])
    return user


def _administrators(organisation: Organisation) -> Group:
    return Group.objects.get(organisation=organisation, built_in=Group.BuiltIn.ADMINISTRATORS)


def _put_into(group: Group, user: User) -> None:
    membership, _ = Membership.objects.get_or_create(
        user=user, organisation=group.organisation, defaults={"name": user.name}
    )
    group.memberships.add(membership)


def _grant(group: Group, recorder_id: str) -> None:
    if not recorder_id:
        return
    recorder = Recorder.objects.get(pk=recorder_id, organisation=group.organisation)
    Grant.objects.get_or_create(group=group, may_live=True, may_playback=True, recorder=recorder)


def _token(user: User, key: str) -> str:
    """The key of a token that is good for this user."""
    now = timezone.now()
    known = ApiToken.objects.filter(
        user=user, digest=ApiToken.digest_of(key), expires_at__gt=now + ApiToken.LIFETIME / 12
    )
    return key if key and known.exists() else ApiToken.issue(user, "Demo", now)[1]
