"""What programs show, and what their writes were answered."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import models

from accounts.encrypted import EncryptedTextField
from accounts.ids import random_id
from accounts.models.organisations import Organisation
from accounts.models.people import User
from accounts.querysets import ApiTokenQuerySet


class ApiToken(models.Model):
    """A token for programs, shown once and kept as a digest.

    It can do what its person or service may do, within its scopes.
    """

    PREFIX = "ctr_"
    LIFETIME = timedelta(days=365)  # unless a shorter one is asked for

    class Client(models.TextChoices):
        PROGRAM = "program"
        VMS = "vms"
        MOBILE = "mobile"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    organisation = models.ForeignKey(  # None: all that the person belongs to
        Organisation, on_delete=models.CASCADE, null=True, blank=True, related_name="api_tokens"
    )
    client = models.CharField(max_length=10, choices=Client, default=Client.PROGRAM)
    scopes = models.JSONField(null=True)  # names of accounts.scopes.SCOPES; None: all
    is_strong = models.BooleanField(default=False)  # made after a second factor
    # Made in a session that the organisation's identity provider vouches for: it counts there as
    # long as the person may still come through that provider.
    by_provider = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(by_provider=False) | models.Q(organisation__isnull=False),
                name="api_token_by_provider_is_of_one",
            )
        ]

    @staticmethod
    def digest_of(key: str) -> str:
        """Keys have 256 random bits: a plain hash is enough."""
        return hashlib.sha256(key.encode()).hexdigest()

    @classmethod
    def issue(cls, user: User, name: str, now: datetime, **limits: Any) -> tuple[ApiToken, str]:
        """The saved token and its key, which nobody can read again; `limits` are fields (Any:
        theirs)."""
        key = cls.PREFIX + secrets.token_urlsafe(32)
        limits.setdefault("expires_at", now + cls.LIFETIME)
        token = cls.objects.create(user=user, name=name, digest=cls.digest_of(key), **limits)
        return token, key


class IdempotentAnswer(models.Model):
    """What a write of the API answered, so that the same request sent again changes nothing."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)  # the client's Idempotency-Key
    request_digest = models.CharField(max_length=64)  # method, address, body
    status = models.PositiveIntegerField(null=True)  # None while the first is under way
    body = EncryptedTextField(blank=True, default="")  # JSON; may hold a new token
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_unique")
        ]
