"""A customer's consent: for these rights its dealer sees video, for a reason, until a time (A5).

A dealer asks, or the customer gives it by itself. Each step is one function here: checked, in the
customer's audit trail, and told by mail to both sides' administrators (`consent_mails`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction
from django.db.models import F, Q

from accounts.access import announce_change
from accounts.audit import PORTAL, Actor, record
from accounts.errors import NotPossible
from accounts.models import Consent, Organisation
from accounts.organisations.outsiders import dealers_of, people_acting_for
from accounts.querysets import CONSENT_RIGHTS, dealers_above

TASK = "accounts.tasks.tell_about_consents"
RIGHT_WORDS = {"live": "live video", "playback": "recorded video", "export": "exports"}
HOURS = {24: "24 hours", 72: "3 days", 720: "30 days"}
REQUESTS_A_DAY = 3  # of one dealer to one customer: each is a mail to people there
State = Consent.State


@dataclass(frozen=True)
class Wish:
    """What a consent is to be about."""

    rights: frozenset[str]
    hours: int
    reason: str


def ask(
    customer: Organisation, dealer: Organisation, wish: Wish, actor: Actor, now: datetime
) -> Consent:
    """By the dealer; the customer's administrators answer."""
    _check(customer, dealer, wish)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=customer.pk)
        asked = Consent.objects.filter(organisation=customer, dealer=dealer)
        if asked.filter(state=State.REQUESTED).exists():
            raise NotPossible("already_asked", f"{customer} has not answered the last request yet.")
        lately = asked.filter(given_by=None, created_at__gt=now - timedelta(days=1))
        if lately.count() >= REQUESTS_A_DAY:
            raise NotPossible(
                "asked_too_often", f"{customer} was asked {REQUESTS_A_DAY} times within a day."
            )
        consent = _create(customer, dealer, wish, requested_by=actor.user)
        _note(consent, actor, "consent.requested")
    return consent


def give(
    customer: Organisation, dealer: Organisation, wish: Wish, actor: Actor, now: datetime
) -> Consent:
    """By the customer, without having been asked. It begins now."""
    _check(customer, dealer, wish)
    with transaction.atomic():
        consent = _create(
            customer,
            dealer,
            wish,
            state=State.GIVEN,
            given_by=actor.user,
            starts_at=now,
            ends_at=now + timedelta(hours=wish.hours),
        )
        _note(consent, actor, "consent.given")
    return consent


def accept(
    consent: Consent, rights: Collection[str], hours: int, actor: Actor, now: datetime
) -> None:
    """By the customer: of what was asked for as much as it likes, for as long as it says."""
    wish = Wish(frozenset(rights), hours, consent.reason)
    _check(consent.organisation, consent.dealer, wish)
    if not wish.rights <= set(consent.rights):
        raise NotPossible("not_asked_for", "Only what was asked for can be given.")
    _move(
        consent,
        State.REQUESTED,
        actor,
        "consent.given",
        state=State.GIVEN,
        hours=hours,
        given_by=actor.user,
        starts_at=now,
        ends_at=now + timedelta(hours=hours),
        **_flags(wish.rights),
    )


def decline(consent: Consent, actor: Actor) -> None:
    _move(consent, State.REQUESTED, actor, "consent.declined", state=State.DECLINED)


def withdraw(consent: Consent, actor: Actor, now: datetime) -> None:
    """By either side: what was given ends now, and streams with it; a request is taken back."""
    if consent.state == State.REQUESTED:
        _move(consent, State.REQUESTED, actor, "consent.taken_back", state=State.WITHDRAWN)
        return
    changes = {"state": State.WITHDRAWN, "ends_at": now}
    _move(consent, State.GIVEN, actor, "consent.withdrawn", **changes)


def withdraw_without_relation(actor: Actor, now: datetime) -> None:
    """All whose dealer is no longer above the customer."""
    open_ones = Consent.objects.filter(state__in=(State.REQUESTED, State.GIVEN))
    related = open_ones.filter(dealers_above(lambda path: Q(dealer=F(f"organisation__{path}"))))
    gone = open_ones.exclude(pk__in=related.values("pk"))
    for consent in gone.select_related("organisation", "dealer"):
        withdraw(consent, actor, now)


def end_due(now: datetime) -> None:
    """Those whose time is over: tokens ended with it already, the trail and mails follow here."""
    due = Consent.objects.filter(state=State.GIVEN, ends_at__lte=now)
    for consent in due.select_related("organisation", "dealer"):
        try:
            _move(consent, State.GIVEN, PORTAL, "consent.ended", state=State.ENDED)
        except NotPossible:  # withdrawn in this moment
            continue


def _check(customer: Organisation, dealer: Organisation, wish: Wish) -> None:
    if dealer not in dealers_of(customer):
        raise NotPossible("no_relation", f"{dealer} is no dealer of {customer}.")
    if wish.hours not in HOURS:
        raise NotPossible("wrong_time", f"Choose one of: {', '.join(HOURS.values())}.")
    if not wish.rights or not wish.rights <= set(CONSENT_RIGHTS):
        raise NotPossible("no_rights", f"Choose at least one of: {', '.join(CONSENT_RIGHTS)}.")
    if not wish.reason.strip():
        raise NotPossible("no_reason", "Say what it is for.")


def _create(customer: Organisation, dealer: Organisation, wish: Wish, **fields: object) -> Consent:
    row: Consent = Consent.objects.create(
        organisation=customer,
        dealer=dealer,
        reason=wish.reason.strip(),
        hours=wish.hours,
        **_flags(wish.rights),
        **fields,
    )
    return row


def _move(consent: Consent, old: State, actor: Actor, action: str, **changes: object) -> None:
    """Once, whoever else tries at the same time."""
    with transaction.atomic():
        if not Consent.objects.filter(pk=consent.pk, state=old).update(**changes):
            consent.refresh_from_db(fields=["state"])
            raise NotPossible("wrong_state", f"This was {consent.state} already.")
        for name, value in changes.items():
            setattr(consent, name, value)
        _note(consent, actor, action)


def _note(consent: Consent, actor: Actor, action: str) -> None:
    record(
        consent.organisation,
        actor,
        action,
        consent.dealer,
        consent=str(consent.pk),
        rights=consent.rights,
        reason=consent.reason,
        hours=consent.hours,
        until=consent.ends_at.isoformat() if consent.ends_at else "",
    )
    if consent.state != State.REQUESTED:
        announce_change(people_acting_for([consent.dealer]))
    transaction.on_commit(_wake_worker, robust=True)


def _wake_worker() -> None:
    """By name: the task imports this module. Beat does the same within a minute."""
    current_app.send_task(TASK, retry=False)


def _flags(rights: Collection[str]) -> dict[str, bool]:
    return {right: right in rights for right in CONSENT_RIGHTS}
