"""Mails about consents, to the administrators of both sides: once for each step.

The truth is `Consent.told`. Whoever claims a step queues its mails.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F, Q

from accounts import mail
from accounts.models import Consent, Membership
from accounts.organisations.consents import RIGHT_WORDS

State = Consent.State
ENDS_SOON = "ends_soon"
WARNING = timedelta(hours=24)
SHORT_WARNING = timedelta(hours=2)  # of a consent that is no longer than a day
RECIPIENTS = 50  # of one side
BATCH = 200

_SUBJECTS = {
    State.REQUESTED: "{dealer} asks to see video of {customer}",
    State.GIVEN: "{dealer} may see video of {customer} now",
    ENDS_SOON: "{dealer} may see video of {customer} until {until}",
    State.ENDED: "{dealer} can no longer see video of {customer}",
    State.WITHDRAWN: "{dealer} can no longer see video of {customer}",
    State.DECLINED: "{customer} does not let {dealer} see its video",
}


def event_of(consent: Consent, now: datetime) -> str:
    """What is to be told now; empty when it was. The start comes before the end, also when both
    are late."""
    if consent.state == State.GIVEN and consent.told in (State.GIVEN, ENDS_SOON):
        is_soon = consent.ends_at is not None and now >= consent.ends_at - _warning(consent)
        return ENDS_SOON if is_soon and consent.told != ENDS_SOON else ""
    return "" if consent.told == consent.state else str(consent.state)


def due(now: datetime) -> Iterator[tuple[UUID, str]]:
    near = Q(state=State.GIVEN, told=State.GIVEN, ends_at__lte=now + WARNING)
    untold = ~Q(told=F("state")) & ~Q(state=State.GIVEN, told=ENDS_SOON)
    for consent in Consent.objects.filter(near | untold).order_by("created_at")[:BATCH]:
        if event := event_of(consent, now):
            yield consent.pk, event


def claim(consent_pk: UUID, event: str) -> bool:
    return bool(Consent.objects.filter(pk=consent_pk).exclude(told=event).update(told=event))


def recipients(consent_pk: UUID) -> list[UUID]:
    """Administrators of both sides who can be written to."""
    consent = Consent.objects.get(pk=consent_pk)
    sides = [_administrators(organisation) for organisation in _sides(consent)]
    return list(dict.fromkeys(user for side in sides for user in side))


def compose(consent_pk: UUID, event: str, user_pk: UUID) -> EmailMultiAlternatives | None:
    """None for a person who has left both sides meanwhile."""
    consent = Consent.objects.select_related(
        "organisation__branding", "dealer__branding", "requested_by"
    ).get(pk=consent_pk)
    membership = Membership.objects.select_related("user").filter(
        user=user_pk, organisation__in=_sides(consent)
    )
    person = membership.order_by("pk").first()
    if person is None:
        return None
    is_customer = person.organisation_id == consent.organisation_id
    organisation = consent.organisation if is_customer else consent.dealer
    until = f"{consent.ends_at:%Y-%m-%d %H:%M} UTC" if consent.ends_at else ""
    words = {"customer": consent.organisation, "dealer": consent.dealer, "until": until}
    page = "organisation/consents" if is_customer else f"customers/{consent.organisation_id}"
    facts = {
        **words,
        "event": event,
        "consent": consent,
        "is_customer": is_customer,
        "rights": [RIGHT_WORDS[right] for right in consent.rights],
        "link": f"{settings.CONTERA_BASE_URL}/{page}/",
    }
    return mail.rendered(
        organisation,
        _SUBJECTS[event].format(**words),
        "accounts/mail/consent",
        facts,
        [person.user.email or ""],
        headers={"Auto-Submitted": "auto-generated"},
    )


def _warning(consent: Consent) -> timedelta:
    return SHORT_WARNING if consent.hours <= 24 else WARNING


def _sides(consent: Consent) -> list[UUID]:
    return [consent.organisation_id, consent.dealer_id]


def _administrators(organisation_pk: UUID) -> list[UUID]:
    people = Membership.objects.administrators().filter(organisation=organisation_pk)
    able = people.exclude(user__email=None).order_by("pk")
    return list(able.values_list("user", flat=True)[:RECIPIENTS])
