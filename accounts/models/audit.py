"""The audit trail."""

from __future__ import annotations

from django.db import models

from accounts.models.organisations import Organisation
from accounts.models.people import User
from accounts.querysets import AuditQuerySet


class AuditEntry(models.Model):
    """One line of the audit trail: who did what to which thing, from where. Never changed: the
    database refuses it, and each line's `hash` covers the one before it in its organisation.

    Actor and target are kept as words too, so that the line outlives them.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="audit_entries"
    )
    number = models.PositiveBigIntegerField()  # 1, 2, … in its organisation
    at = models.DateTimeField()
    # No constraint in the database: removing a person must not touch the line.
    actor = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=254, blank=True)
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    previous = models.CharField(max_length=64, blank=True)  # hash of the line before; "" for none
    hash = models.CharField(max_length=64)  # SHA-256, hex (accounts.audit_chain)
    # What is told by others, perhaps twice (viewings), is written once.
    once = models.CharField(  # noqa: DJ001  only NULLs may repeat
        max_length=64, null=True, unique=True, editable=False
    )

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "number"], name="audit_number_unique")
        ]
        indexes = [
            models.Index(fields=["organisation", "-at"], name="audit_by_organisation"),
            models.Index(fields=["organisation", "action", "-at"], name="audit_by_action"),
        ]


class AuditHead(models.Model):
    """The newest line of an organisation's chain, the last that retention took away, and what the
    last check of the chain found."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, primary_key=True, related_name="audit_head"
    )
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)
    kept_from = models.PositiveBigIntegerField(default=1)  # lines before it are gone
    kept_after = models.CharField(max_length=64, blank=True)  # the hash of the last one gone
    checked_at = models.DateTimeField(null=True)
    checked_number = models.PositiveBigIntegerField(default=0)  # up to here it was in order
    fault = models.CharField(max_length=254, blank=True)  # what was not, in words
    # One that somebody wants now, one that a worker has in hand (accounts.audit_check_jobs).
    check_asked_at = models.DateTimeField(null=True)
    check_began_at = models.DateTimeField(null=True)

    @property
    def check_step(self) -> str:
        """How far the check is that somebody asked for; empty when nobody waits for one."""
        if self.check_asked_at is None:
            return ""
        return "waiting" if self.check_began_at is None else "checking"
