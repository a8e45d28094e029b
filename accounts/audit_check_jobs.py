"""Checks of audit trails as jobs of the worker: once a day, and when somebody asks.

A trail of years takes minutes to read, so no request does it. The head's row is the truth: asked
for, begun (claimed, until the lease is over), found. Whoever loses the queue is found by beat.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts.audit_check import check_trail
from accounts.models import AuditHead, Organisation

logger = logging.getLogger(__name__)

CHECK_EVERY = timedelta(days=1)
LEASE = timedelta(hours=1)  # of a worker; the largest trail takes minutes
WAKE_AT_ONCE = 200  # organisations


def ask(organisation: Organisation, now: datetime) -> None:
    """A worker checks the trail soon; one that waits or is under way already is the answer."""
    from accounts import tasks  # which load us

    AuditHead.objects.get_or_create(organisation=organisation)
    waiting = AuditHead.objects.filter(organisation=organisation, check_asked_at=None)
    waiting.update(check_asked_at=now)
    transaction.on_commit(lambda: tasks.check_audit_trail.delay(str(organisation.pk)), robust=True)


def due(now: datetime) -> list[UUID]:
    """Organisations whose trail nobody checked for a day, or somebody wants to have checked."""
    waiting = _due(now).order_by(F("checked_at").asc(nulls_first=True))
    return list(waiting.values_list("organisation", flat=True)[:WAKE_AT_ONCE])


def claim(organisation_id: UUID, now: datetime) -> Organisation | None:
    """The organisation, for the one worker that checks its trail now."""
    if _due(now).filter(organisation=organisation_id).update(check_began_at=now) != 1:
        return None
    return Organisation.objects.get(pk=organisation_id)


def check(organisation: Organisation, now: datetime) -> bool:
    """Checks the chain and keeps what was found for the page; False when it is broken."""
    verdict = check_trail(organisation)
    fault = "" if verdict.fault is None else str(verdict.fault)
    found: dict[str, object] = {"checked_at": now, "fault": fault}
    if not fault:
        found["checked_number"] = verdict.last
    else:
        logger.error("audit trail of %s is not in order: %s", organisation.pk, fault)
    head = AuditHead.objects.filter(organisation=organisation)
    head.update(**found, check_asked_at=None, check_began_at=None)
    return not fault


def _due(now: datetime) -> QuerySet[AuditHead]:
    is_old = Q(checked_at=None) | Q(checked_at__lte=now - CHECK_EVERY)
    is_free = Q(check_began_at=None) | Q(check_began_at__lte=now - LEASE)
    return AuditHead.objects.filter(is_old | Q(check_asked_at__isnull=False)).filter(is_free)
