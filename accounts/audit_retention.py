"""How long the audit trail is kept, and what is taken away when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts.audit import PORTAL, Actor, record
from accounts.audit_check import PRUNED
from accounts.errors import NotPossible
from accounts.models import AuditEntry, AuditHead, Organisation

MIN_DAYS = 90
MAX_DAYS = 36_500
CHOICES = (  # days; None: for ever
    (None, "for ever"),
    (90, "90 days"),
    (365, "1 year"),
    (730, "2 years"),
    (1_095, "3 years"),
    (1_826, "5 years"),
    (3_652, "10 years"),
)
BATCH = 5_000  # lines in one transaction, so that nobody waits for the whole


def words_of(days: int | None) -> str:
    return dict(CHOICES).get(days) or f"{days} days"


def set_retention(organisation: Organisation, days: int | None, actor: Actor) -> None:
    """Raises NotPossible `retention_too_short` for less than MIN_DAYS."""
    if days is not None and not MIN_DAYS <= days <= MAX_DAYS:
        fact = f"The audit trail is kept for at least {MIN_DAYS} days, or for ever."
        raise NotPossible("retention_too_short", fact)
    with transaction.atomic():
        held = Organisation.objects.select_for_update().get(pk=organisation.pk)
        before = held.audit_kept_days
        organisation.audit_kept_days = held.audit_kept_days = days
        if before != days:
            held.save(update_fields=["audit_kept_days"])
            words = {"before": words_of(before), "after": words_of(days)}
            record(organisation, actor, "audit.retention_changed", organisation, **words)


def prune(organisation: Organisation, now: datetime) -> int:
    """Takes away the lines that are older than the organisation wants, and gives how many. A line
    says so and names where the trail begins now, so that the rest can still be verified.

    A trail that is not in order is evidence: call it only for one that is.
    """
    if organisation.audit_kept_days is not None:
        _move_beginning(organisation, now - timedelta(days=organisation.audit_kept_days))
    return _remove_lines_before_beginning(organisation)


def _move_beginning(organisation: Organisation, until: datetime) -> None:
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().filter(organisation=organisation).first()
        lines = AuditEntry.objects.filter(organisation=organisation, at__lt=until)
        last = lines.order_by("-number").first()
        if head is None or last is None or last.number < head.kept_from:
            return
        count = last.number - head.kept_from + 1
        head.kept_from, head.kept_after = last.number + 1, last.hash
        head.save(update_fields=["kept_from", "kept_after"])
        record(
            organisation,
            PORTAL,
            PRUNED,
            organisation,
            lines=count,
            older_than=until.date().isoformat(),
            kept_from=head.kept_from,
            kept_after=head.kept_after,
        )


def _remove_lines_before_beginning(organisation: Organisation) -> int:
    """Also what an interrupted run has left."""
    head = AuditHead.objects.filter(organisation=organisation).first()
    old = AuditEntry.objects.filter(
        organisation=organisation, number__lt=head.kept_from if head else 0
    )
    removed = 0
    while numbers := list(old.order_by("number").values_list("number", flat=True)[:BATCH]):
        removed += old.filter(number__lte=numbers[-1]).delete()[0]
    return removed
