"""Checks of audit trails as jobs of the worker: once a day, and when somebody asks.

A trail of years takes minutes to read, so no request does it, and one worker at a time: whoever
holds the turn checks one trail, and leaves the next to the message after those that wait by then.
The head's row is the truth: asked for, begun (claimed, until the lease is over), found. Whoever
loses the queue is found by beat.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.audit_check import check_trail
from accounts.audit_retention import prune
from accounts.models import AuditHead, Organisation

logger = logging.getLogger(__name__)

CHECK_EVERY = timedelta(days=1)
TURN_S = 20 * 60  # the largest trail takes minutes; what takes longer is broken off
KILLED_AFTER_S = TURN_S + 60  # the worker whose turn cannot be broken off
LEASE = timedelta(seconds=KILLED_AFTER_S + 60)  # of the turn and of the trail of one that died
PUT_OFF_S = 600  # a trail whose check broke off, so that it keeps the turn from no other
LOOK_AT = 200  # trails that are due
KEY = "audit-check-turn"
_PUT_OFF = "audit-check-put-off-"


def take_turn() -> bool:
    """Checks the trail that has been due for the longest, and takes old lines out of a good one.
    True when another is due. One worker at a time."""
    if not cache.add(KEY, True, LEASE.total_seconds()):
        return False
    try:
        for organisation_id in due(timezone.now())[:1]:
            _keep(organisation_id, timezone.now())
    finally:
        cache.delete(KEY)
    return bool(due(timezone.now()))


def ask(organisation: Organisation, now: datetime) -> None:
    """A worker checks the trail soon; one that waits or is under way already is the answer."""
    from accounts import tasks  # which load us

    AuditHead.objects.get_or_create(organisation=organisation)
    waiting = AuditHead.objects.filter(organisation=organisation, check_asked_at=None)
    waiting.update(check_asked_at=now)
    transaction.on_commit(tasks.keep_audit_trails.delay, robust=True)


def due(now: datetime) -> list[UUID]:
    """Organisations whose trail nobody checked for a day, or somebody wants to have checked: who
    waits for the longest first."""
    since = Coalesce(F("check_asked_at"), F("checked_at") + CHECK_EVERY)
    waiting = _due(now).order_by(since.asc(nulls_first=True), "organisation")
    found = list(waiting.values_list("organisation", flat=True)[:LOOK_AT])
    put_off = cache.get_many([f"{_PUT_OFF}{one}" for one in found])
    return [one for one in found if f"{_PUT_OFF}{one}" not in put_off]


def claim(organisation_id: UUID, now: datetime) -> Organisation | None:
    """The organisation, for the one worker that checks its trail now."""
    if _due(now).filter(organisation=organisation_id).update(check_began_at=now) != 1:
        return None
    return Organisation.objects.get(pk=organisation_id)


def check(organisation: Organisation, claimed_at: datetime) -> bool:
    """Checks the chain and keeps what was found for the page. False when it is broken, or the lease
    is over and the trail another worker's."""
    mine = AuditHead.objects.filter(organisation=organisation, check_began_at=claimed_at)
    try:
        found = _found(organisation, claimed_at)
        is_ours = mine.update(**found, check_asked_at=None, check_began_at=None) == 1
    except Exception:
        mine.update(check_began_at=None)
        raise
    return is_ours and not found["fault"]


def _found(organisation: Organisation, now: datetime) -> dict[str, object]:
    verdict = check_trail(organisation)
    if verdict.fault is None:
        return {"checked_at": now, "fault": "", "checked_number": verdict.last}
    logger.error("audit trail of %s is not in order: %s", organisation.pk, verdict.fault)
    return {"checked_at": now, "fault": str(verdict.fault)}


def _keep(organisation_id: UUID, now: datetime) -> None:
    try:
        organisation = claim(organisation_id, now)
        if organisation and check(organisation, now):
            prune(organisation, now)
    except Exception:
        logger.exception("audit trail of %s: its check broke off", organisation_id)
        cache.set(f"{_PUT_OFF}{organisation_id}", True, PUT_OFF_S)


def _due(now: datetime) -> QuerySet[AuditHead]:
    is_old = Q(checked_at=None) | Q(checked_at__lte=now - CHECK_EVERY)
    is_free = Q(check_began_at=None) | Q(check_began_at__lte=now - LEASE)
    return AuditHead.objects.filter(is_old | Q(check_asked_at__isnull=False)).filter(is_free)
