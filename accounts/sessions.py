"""Where a person is signed in, and ending that. Streams end with it, within seconds (A6)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.models import Membership, User
from accounts.session_store import STARTED
from accounts.sign_ins import record_for_person

SEEN = "seen_at"  # in the session: when its use was last written down
SEEN_STEP_S = 300  # not a write per request
MAX_SHOWN = 100


class SessionUseMiddleware:
    """Notes when and from where a session was used, which also keeps it from running out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            note_use(request, time.time())
        return self.get_response(request)


def note_use(request: HttpRequest, now: float) -> None:
    session = request.session
    if STARTED not in session or now - session.get(SEEN, 0) < SEEN_STEP_S:
        return
    if request.user.is_authenticated:
        session[SEEN] = now
        UserSession.objects.create_from_request(request)


def begin(session: Any, now: float) -> None:  # Any: Django's session, of any engine
    """At a sign-in; the key is a new one by then (Django's `login`)."""
    session.set_expiry(None)  # a half-made sign-in had less time
    session[STARTED] = session[SEEN] = now


def signed_in_at(session: Any) -> datetime | None:
    started = session.get(STARTED)
    return None if started is None else datetime.fromtimestamp(started, UTC)


def own_sessions(user: User, current_key: str | None) -> QuerySet[UserSession]:
    """Those that the person may see and end: only this one for who speaks for one organisation
    alone and belongs to others too."""
    mine: QuerySet[UserSession] = UserSession.objects.filter(user=user)
    within = user.circumstances.within
    if within is None or not user.memberships.exclude(organisation=within).exists():
        return mine
    return mine.filter(session_key=current_key or "")


def sessions_of(user: User, current_key: str | None) -> list[UserSession]:
    """Of those the ones that still are there, the last used first; at most MAX_SHOWN."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    oldest = timezone.now() - timedelta(seconds=settings.CONTERA_SESSION_LIFETIME)
    mine = own_sessions(user, current_key).filter(session_key__in=alive, created_at__gt=oldest)
    return list(mine.order_by("-last_seen_at")[:MAX_SHOWN])


@transaction.atomic
def end_session(session: UserSession, actor: Actor) -> None:
    """One of one's own."""
    user = session.user
    _end(UserSession.objects.filter(pk=session.pk))
    record_for_person(user, actor, "person.session_ended", address_of_session=session.ip)
    announce_change([user])


@transaction.atomic
def end_other_sessions(user: User, current_key: str | None, actor: Actor) -> int:
    """How many there were."""
    ended = _end(own_sessions(user, current_key).exclude(session_key=current_key or ""))
    if ended:
        record_for_person(user, actor, "person.sessions_ended", sessions=ended)
        announce_change([user])
    return ended


@transaction.atomic
def sign_out_of_organisation(membership: Membership, actor: Actor) -> None:
    """What an administrator may end: sessions no longer count here. Who belongs nowhere else is
    signed out altogether; elsewhere nothing changes, and nobody here learns of it."""
    membership.signed_out_at = timezone.now()
    membership.save(update_fields=["signed_out_at"])
    user = membership.user
    others = Membership.objects.filter(user=user, state=Membership.State.ACTIVE)
    if not others.exclude(pk=membership.pk).exists():
        _end(UserSession.objects.filter(user=user))
    record(membership.organisation, actor, "person.signed_out_by_administrator", user.login)
    announce_change([user])


def _end(sessions: QuerySet[UserSession]) -> int:
    ending = list(sessions)
    for session in ending:
        session.end()
    return len(ending)
