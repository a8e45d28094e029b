"""Deliveries: claimed, sent, tried again for two days, forgotten after a week.

The row is the truth: QUEUED → SENDING (claimed, with a lease) → DONE, or back to QUEUED with a
pause, or FAILED. A worker that dies leaves a lease that runs out; the receiver may then hear it
twice, with the same `Contera-Delivery`.

An organisation has one under way at a time (accounts.webhooks.postman sends them). A receiver that
says nothing at all, not even a refusal, is left alone for as long as it has been silent, whatever
waits for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery

from accounts.audit import PORTAL, record
from accounts.encrypted import SecretLost
from accounts.models import Webhook, WebhookDelivery
from accounts.outgoing.addresses import Reach
from accounts.outgoing.web import NoAnswer, NotReached, tell
from accounts.webhooks import TEST
from accounts.webhooks.signature import HEADER, signature
from protocol.times import format_time

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)  # a request has 10 s
PAUSES = [
    timedelta(seconds=s) for s in (10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400)
]  # after the 1st, 2nd … failure; together two days
GIVEN_UP_AFTER = timedelta(days=3)  # without one success: the webhook is switched off
MAX_REST = timedelta(minutes=30)  # of a receiver that does not answer
KEPT = timedelta(days=7)

State = WebhookDelivery.State


@dataclass(frozen=True)
class Outcome:
    """What the receiver answered; without a status why there is none. `is_silent`: it was asked,
    and nobody answered."""

    status: int | None
    error: str = ""
    is_silent: bool = False


def reach() -> Reach:
    return Reach(settings.CONTERA_WEBHOOK_NETWORKS)


def next_of_each(now: datetime, count: int, besides: Collection[UUID] = ()) -> list[UUID]:
    """What waits, or lost its worker: the oldest of each organisation that has none under way."""
    under_way = WebhookDelivery.objects.filter(state=State.SENDING, lease_until__gte=now)
    due = _due(now).exclude(pk__in=besides)
    due = due.exclude(webhook__organisation__in=under_way.values("webhook__organisation"))
    oldest = due.filter(webhook__organisation=OuterRef("webhook__organisation")).values("pk")[:1]
    organisations = due.order_by().values("webhook__organisation")
    chosen = organisations.annotate(since=Min("created_at"), oldest=Subquery(oldest))
    return list(chosen.order_by("since").values_list("oldest", flat=True)[:count])


def forget_old(now: datetime) -> None:
    WebhookDelivery.objects.filter(created_at__lt=now - KEPT).delete()


def rest_of(silent_for: timedelta) -> timedelta:
    """How long a receiver that did not answer is left alone."""
    return min(max(silent_for, PAUSES[0]), MAX_REST)


def settle(delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    """Writes down how it went, and what that says about the receiver."""
    status = outcome.status
    webhook = Webhook.objects.filter(pk=delivery.webhook_id)
    if status is not None:
        webhook.update(rests_until=None)
    elif outcome.is_silent:
        _rest(delivery, now)
    if status is not None and 200 <= status < 300:
        _finish(delivery, state=State.DONE, status_code=status, error="", done_at=now)
        webhook.update(failing_since=None)
    else:
        _failed(delivery, status, outcome.error or f"The receiver answered {status}.", now)


def body_of(delivery: WebhookDelivery) -> dict[str, Any]:
    """What is sent: the same each time it is tried."""
    return {
        "id": str(delivery.pk),
        "event": delivery.event,
        "created_at": format_time(delivery.created_at),
        "organisation": str(delivery.webhook.organisation_id),
        "data": delivery.payload,
    }


def send(delivery: WebhookDelivery, now: datetime) -> Outcome:
    """Within 10 s and the look-up of the name, without the database. Of the answer only the status
    is read."""
    webhook, body = delivery.webhook, json.dumps(body_of(delivery)).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Contera-Webhook/1",
        "Contera-Event": delivery.event,
        "Contera-Delivery": str(delivery.pk),
        HEADER: signature(webhook.secret, int(now.timestamp()), body),
    }
    try:
        return Outcome(tell(webhook.url, reach(), body, headers))
    except NotReached as error:
        return Outcome(None, str(error), is_silent=isinstance(error, NoAnswer))


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    waiting = Q(state=State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
    lost = Q(state=State.SENDING, lease_until__lt=now)
    rested = Q(webhook__rests_until=None) | Q(webhook__rests_until__lte=now) | Q(event=TEST)
    return WebhookDelivery.objects.filter(waiting | lost).filter(rested).order_by("created_at")


@transaction.atomic
def claim(delivery_id: UUID | str, now: datetime) -> WebhookDelivery | None:
    """The delivery, with the secret of its webhook, for whoever may send it now: nobody while
    another of the organisation is under way. What cannot be sent at all fails here."""
    of_it = WebhookDelivery.objects.filter(pk=delivery_id).values("webhook__organisation")
    webhooks = Webhook.objects.select_for_update().filter(organisation__in=of_it).order_by("pk")
    under_way = WebhookDelivery.objects.filter(
        webhook__in=list(webhooks.values_list("pk", flat=True)),
        state=State.SENDING,
        lease_until__gte=now,
    )
    if under_way.exists():
        return None
    claimed = _due(now).filter(pk=delivery_id)
    if not claimed.update(state=State.SENDING, lease_until=now + LEASE, attempt=F("attempt") + 1):
        return None
    found = WebhookDelivery.objects.select_related("webhook__organisation")
    delivery = found.defer("webhook__secret").get(pk=delivery_id)
    if reason := _hindrance(delivery):
        _finish(delivery, state=State.FAILED, error=reason, done_at=now)
        return None
    return delivery


def _hindrance(delivery: WebhookDelivery) -> str:
    """Why it cannot be sent, whatever the receiver does. Loads the secret."""
    webhook = delivery.webhook
    if not webhook.is_enabled and delivery.event != TEST:
        return "The webhook is switched off."
    try:
        webhook.refresh_from_db(fields=["secret"])
    except SecretLost:
        logger.error("webhook %s: no key of this installation opens its secret", webhook.pk)  # noqa: TRY400  no traceback says more
        return "No key of this portal opens the secret of the webhook: make a new secret."
    return ""


def _rest(delivery: WebhookDelivery, now: datetime) -> None:
    """Not after a test: somebody waits for the next one."""
    if delivery.event != TEST:
        webhook = delivery.webhook
        silent_for = now - (webhook.failing_since or now)
        Webhook.objects.filter(pk=webhook.pk).update(rests_until=now + rest_of(silent_for))


def _failed(delivery: WebhookDelivery, status: int | None, error: str, now: datetime) -> None:
    logger.info("webhook delivery %s, attempt %d: %s", delivery.pk, delivery.attempt, error)
    facts = {"status_code": status, "error": error[:300]}
    if delivery.attempt > len(PAUSES) or delivery.event == TEST:
        _finish(delivery, state=State.FAILED, done_at=now, **facts)
    else:
        due = now + PAUSES[delivery.attempt - 1]
        _finish(delivery, state=State.QUEUED, not_before=due, **facts)
    if delivery.event != TEST:
        _note_failing(delivery.webhook, now)


def _note_failing(webhook: Webhook, now: datetime) -> None:
    if webhook.failing_since is None:
        Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=now)
    elif now - webhook.failing_since > GIVEN_UP_AFTER:
        on = Webhook.objects.filter(pk=webhook.pk, is_enabled=True)
        if on.update(is_enabled=False):
            facts = {"reason": f"no delivery succeeded for {GIVEN_UP_AFTER.days} days"}
            record(webhook.organisation, PORTAL, "webhook.switched_off", webhook.url, **facts)


def _finish(delivery: WebhookDelivery, **changes: object) -> None:
    """Nothing is written by a worker that lost its claim."""
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.SENDING, attempt=delivery.attempt
    )
    mine.update(lease_until=None, **changes)
