"""Who hears what happens."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from accounts.encrypted import EncryptedTextField
from accounts.ids import random_id
from accounts.models.organisations import Organisation
from accounts.models.people import User
from accounts.querysets import OrganisationOwnedQuerySet


class Webhook(models.Model):
    """An address of a customer's own that hears what happens, signed."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="webhooks"
    )
    url = models.URLField(max_length=500)
    events = models.JSONField(default=list)  # names of accounts.webhooks.EVENTS; empty: all
    secret = EncryptedTextField()
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    failing_since = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)  # after nobody answered

    objects = OrganisationOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def rests(self, now: datetime) -> bool:
        """Nothing but tests is sent to it now."""
        return self.rests_until is not None and self.rests_until > now


class WebhookDelivery(models.Model):
    """One event on its way to one webhook: a job, whose truth is this row."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    status_code = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "not_before"], name="delivery_due"),
            models.Index(fields=["webhook", "-created_at"], name="delivery_newest"),
        ]
