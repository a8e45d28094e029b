"""Delivers for everybody out of one worker: several receivers at a time, of each organisation one
delivery, so that receivers that are slow hold this worker alone, and nobody else's deliveries.

A turn is short; the next one comes after the jobs that wait by then.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from django.utils import timezone

from accounts.models import WebhookDelivery
from accounts.webhooks import delivery
from accounts.webhooks.delivery import Outcome

logger = logging.getLogger(__name__)

AT_ONCE = 16  # receivers; each has 10 s
TURN_S = 20.0  # in which deliveries begin
LOOK_AGAIN_S = 0.5  # for what is new, while some are slow
KEY = "webhooks-turn"
KEY_S = 60  # of a worker that died; a turn is over long before


def take_turn() -> bool:
    """Sends what is due; True when some is left for another turn. One worker at a time: whoever
    holds the turn looks for what is due once more after it."""
    if not cache.add(KEY, True, KEY_S):
        return False
    broken: set[UUID] = set()  # could not be claimed; left to a later turn
    try:
        _deliver_due(time.monotonic() + TURN_S, broken)
    finally:
        cache.delete(KEY)
    return bool(delivery.next_of_each(timezone.now(), 1, broken))


def _deliver_due(until: float, broken: set[UUID]) -> None:
    """Requests run in threads; the database is asked by this one alone. What was sent is settled
    whatever happens to the turn."""
    running: dict[Future[Outcome], WebhookDelivery] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        try:
            while time.monotonic() < until:
                for claimed in _claimed(AT_ONCE - len(running), broken):
                    running[pool.submit(delivery.send, claimed, timezone.now())] = claimed
                if not running:
                    return
                for sent in wait(running, LOOK_AGAIN_S, FIRST_COMPLETED).done:
                    _settle(running.pop(sent), sent)
        finally:
            for sent in as_completed(running):
                _settle(running[sent], sent)


def _claimed(count: int, broken: set[UUID]) -> list[WebhookDelivery]:
    now = timezone.now()
    tried = (_claim(pk, now, broken) for pk in delivery.next_of_each(now, count, broken))
    return [claimed for claimed in tried if claimed is not None]


def _claim(pk: UUID, now: datetime, broken: set[UUID]) -> WebhookDelivery | None:
    """One that cannot be claimed keeps none of the others."""
    try:
        return delivery.claim(pk, now)
    except Exception:
        logger.exception("webhook delivery %s cannot be claimed", pk)
        broken.add(pk)
        return None


def _settle(claimed: WebhookDelivery, sent: Future[Outcome]) -> None:
    """What cannot be written down is sent again once its lease is over."""
    try:
        delivery.settle(claimed, _outcome(claimed, sent), timezone.now())
    except Exception:
        logger.exception("webhook delivery %s: how it went cannot be written down", claimed.pk)


def _outcome(claimed: WebhookDelivery, sent: Future[Outcome]) -> Outcome:
    try:
        return sent.result()
    except Exception:
        logger.exception("webhook delivery %s could not be sent", claimed.pk)
        return Outcome(None, "The portal could not send it.")
