"""Delivers for everybody out of one worker: several receivers at a time, of each organisation one
delivery, so that receivers that are slow hold this worker alone, and nobody else's deliveries.

A turn is short; the next one comes after the jobs that wait by then.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.core.cache import cache
from django.utils import timezone

from accounts.models import WebhookDelivery
from accounts.webhooks import delivery
from accounts.webhooks.delivery import Outcome

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
    try:
        _deliver_due(time.monotonic() + TURN_S)
    finally:
        cache.delete(KEY)
    return bool(delivery.next_of_each(timezone.now(), 1))


def _deliver_due(until: float) -> None:
    """Requests run in threads; the database is asked by this one alone."""
    running: dict[Future[Outcome], WebhookDelivery] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        while True:
            free = AT_ONCE - len(running) if time.monotonic() < until else 0
            for claimed in _claimed(free):
                running[pool.submit(delivery.send, claimed, timezone.now())] = claimed
            if not running:
                return
            for sent in wait(running, LOOK_AGAIN_S, FIRST_COMPLETED).done:
                delivery.settle(running.pop(sent), sent.result(), timezone.now())


def _claimed(count: int) -> list[WebhookDelivery]:
    now = timezone.now()
    tried = (delivery.claim(pk, now) for pk in delivery.next_of_each(now, count))
    return [claimed for claimed in tried if claimed is not None]
