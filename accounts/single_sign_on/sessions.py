"""Sessions that an identity provider vouches for: they count in its organisation alone, no longer
than the provider may be silent, and end with what they stand on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth import login
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import Federation, Membership, User

KEY = "sign_on"  # in the session: {"federation", "is_strong", "until"}


@dataclass(frozen=True)
class Standing:
    """What such a session is good for now."""

    organisation_id: UUID
    is_strong: bool


class Over(Exception):
    """The session stands on nothing any more: it must end."""


def begin(request: HttpRequest, federation: Federation, now: datetime, *, is_strong: bool) -> None:
    """Signs the person in. The session's key is a new one."""
    user = federation.membership.user
    provider_of = federation.membership.organisation_id
    user.circumstances = replace(user.circumstances, provider_of=provider_of)
    request.session.flush()  # nothing of whoever sat here before
    record_authentication(request, user, method="single_sign_on")
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session[KEY] = {
        "federation": federation.pk,
        "is_strong": is_strong,
        "until": now.timestamp() + settings.CONTERA_SIGN_ON_HOURS * 3600,
    }


def standing(session: SessionBase, user: User, now: datetime) -> Standing | None:
    """None for a session that no provider vouches for. One query for others. Raises Over."""
    kept = session.get(KEY)
    if kept is None:
        return None
    if now.timestamp() >= kept["until"]:
        raise Over
    mine = _usable(user).filter(pk=kept["federation"])
    organisation_id = mine.values_list("provider__organisation", flat=True).first()
    if organisation_id is None:
        raise Over
    return Standing(organisation_id, kept["is_strong"])


def may_come_through(user: User, organisation_id: UUID) -> bool:
    """Whether the organisation's provider still is asked about this person: what was made in such
    a session counts so long."""
    return _usable(user).filter(provider__organisation=organisation_id).exists()


def _usable(user: User) -> QuerySet[Federation]:
    return Federation.objects.filter(
        membership__user=user,
        membership__state=Membership.State.ACTIVE,
        provider__is_enabled=True,
    )
