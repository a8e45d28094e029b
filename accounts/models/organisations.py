"""Organisations, how they look, and what a customer allows its dealer."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from accounts.ids import random_handle, random_id
from accounts.querysets import (
    CONSENT_RIGHTS,
    ConsentQuerySet,
    OrganisationOwnedQuerySet,
    OrganisationQuerySet,
)


class Organisation(models.Model):
    """A customer. Nothing of one organisation is ever visible to another."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    name = models.CharField(max_length=100)
    # In addresses (sign-in of an organisation) and behind the @ of user names.
    handle = models.SlugField(max_length=40, unique=True, default=random_handle)
    time_zone = models.CharField(max_length=64, default="UTC")  # IANA; hours of grants are in it
    is_dealer = models.BooleanField(default=False)  # may create and manage customers
    dealer = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="customers"
    )
    # For how long recorders let known people sign in without the portal; 0: not at all.
    onsite_hours = models.PositiveIntegerField(default=24)
    audit_kept_days = models.PositiveIntegerField(null=True, blank=True)  # None: for ever
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrganisationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Branding(models.Model):
    """How an organisation shows itself in pages and mails; empty: as Contera does."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, primary_key=True, related_name="branding"
    )
    portal_name = models.CharField(max_length=60, blank=True)
    logo = models.BinaryField(null=True)  # PNG that we encoded ourselves, never what was uploaded
    logo_digest = models.CharField(max_length=64, blank=True)  # SHA-256, hex; in its address
    accent = models.CharField(max_length=7, blank=True)  # #rrggbb, on light pages
    accent_dark = models.CharField(max_length=7, blank=True)
    support_contact = models.CharField(max_length=200, blank=True)  # shown as text
    sender_name = models.CharField(max_length=60, blank=True)  # of mails; the address stays ours

    objects = OrganisationOwnedQuerySet.as_manager()


class Consent(models.Model):
    """A customer lets its dealer see video, for a reason and a time (A5).

    It is never prolonged: each time needs a consent of its own.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"  # by the dealer
        GIVEN = "given"  # in force until `ends_at`
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"  # what was given, or asked for
        ENDED = "ended"  # its time was over

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(  # the customer
        Organisation, on_delete=models.CASCADE, related_name="consents"
    )
    dealer = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="consents_received"
    )
    live = models.BooleanField(default=False)
    playback = models.BooleanField(default=False)
    export = models.BooleanField(default=False)
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    hours = models.PositiveIntegerField(default=24)  # 24, 72 or 720
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    # What both sides' administrators were written to about last: a state, or `ends_soon`.
    told = models.CharField(max_length=10, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["dealer", "state", "ends_at"], name="consent_in_force")]

    @property
    def rights(self) -> list[str]:
        return [right for right in CONSENT_RIGHTS if getattr(self, right)]

    @property
    def time_words(self) -> str:
        days = self.hours // 24
        return "24 hours" if days <= 1 else f"{days} days"
