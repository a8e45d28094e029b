"""Organisations, people, groups, API tokens and the audit trail.

Grants name recorders and cameras, so they live in `recorders` (apps import in one direction).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from accounts.ids import random_id
from accounts.querysets import (
    ApiTokenQuerySet,
    AuditQuerySet,
    MembershipQuerySet,
    OrganisationOwnedQuerySet,
    OrganisationQuerySet,
)


class Organisation(models.Model):
    """A customer. Nothing of one organisation is ever visible to another."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrganisationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, name: str = "") -> User:
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person, signed in by e-mail address.

    There is no all-seeing account, no staff, no superuser: what a person may do comes from the
    groups of their organisations alone.
    """

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    email = models.EmailField(max_length=254, unique=True)  # in lower case, see the constraint
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.name or self.email


def display_name(user: User) -> str:
    """What allauth shows for a person."""
    return str(user)


class Membership(models.Model):
    """A person belongs to an organisation, which names and disables them for itself alone.

    A person may belong to several organisations; none of them learns of the others.
    """

    class State(models.TextChoices):
        INVITED = "invited"  # until the person took up the invitation
        ACTIVE = "active"
        DISABLED = "disabled"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="memberships"
    )
    name = models.CharField(max_length=100, blank=True)  # as the organisation calls the person
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)

    is_administrator: bool  # only where a query says so (accounts.middleware.memberships_of)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organisation"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return self.name or self.user.email


class Group(models.Model):
    """People who share permissions. Permissions are given to groups, never to a person."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=100)
    # The built-in Administrators group: every right in the organisation; cannot be edited away.
    is_administrators = models.BooleanField(default=False, editable=False)
    memberships = models.ManyToManyField(Membership, related_name="groups", blank=True)

    objects = OrganisationOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-is_administrators", Lower("name")]
        constraints = [
            models.UniqueConstraint(
                Lower("name"), "organisation", name="group_name_unique_in_organisation"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A token for programs, shown once and kept as a digest."""

    PREFIX = "ctr_"
    LIFETIME = timedelta(days=365)

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    @staticmethod
    def digest_of(key: str) -> str:
        """Keys have 256 random bits: a plain hash is enough."""
        return hashlib.sha256(key.encode()).hexdigest()

    @classmethod
    def issue(cls, user: User, name: str, now: datetime) -> tuple[ApiToken, str]:
        """The saved token and its key, which nobody can read again."""
        key = cls.PREFIX + secrets.token_urlsafe(32)
        token = cls.objects.create(
            user=user, name=name, digest=cls.digest_of(key), expires_at=now + cls.LIFETIME
        )
        return token, key


class AuditEntry(models.Model):
    """One line of the audit trail: who did what to which thing, from where. Never changed.

    Actor and target are kept as words too, so that the line outlives them.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="audit_entries"
    )
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    actor_name = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=254, blank=True)
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["organisation", "-at"], name="audit_by_organisation"),
            models.Index(fields=["organisation", "action", "-at"], name="audit_by_action"),
        ]
