"""People, where they belong, and groups. Grants live in `recorders`: they name cameras."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from accounts.circumstances import Circumstances
from accounts.encrypted import EncryptedTextField
from accounts.ids import random_id
from accounts.models.organisations import Organisation
from accounts.querysets import GroupQuerySet, MembershipQuerySet

INVITATION_LIFETIME = timedelta(days=7)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, name: str = "") -> User:
        """Somebody with an e-mail address."""
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person, signed in by e-mail address or user name, or a service, which has only tokens.

    There is no all-seeing account, no staff, no superuser: what a person may do comes from the
    groups of their organisations alone, in the `circumstances` in which they are here now.
    """

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    # Both in lower case; a person has one of them at least, a service a user name.
    email = models.EmailField(max_length=254, unique=True, null=True, blank=True)
    username = models.CharField(max_length=120, unique=True, null=True, blank=True)  # name@handle
    is_service = models.BooleanField(default=False)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    # Not of the row: set where somebody signs in or calls (accounts.circumstances).
    circumstances: Circumstances = Circumstances()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
            models.CheckConstraint(
                condition=models.Q(email__isnull=False) | models.Q(username__isnull=False),
                name="user_has_a_login",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.login

    @property
    def login(self) -> str:
        """What the person signs in with: the e-mail address, else the user name."""
        return self.email or self.username or ""


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
    invitation = models.CharField(max_length=40, blank=True)  # a new one makes older links void
    invited_at = models.DateTimeField(null=True)
    signed_out_at = models.DateTimeField(null=True)  # browser sessions begun before do not count
    created_at = models.DateTimeField(auto_now_add=True)

    is_administrator: bool  # only where a query says so (accounts.middleware.memberships_of)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organisation"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return self.name or self.user.login

    @property
    def invitation_ends_at(self) -> datetime | None:
        return self.invited_at and self.invited_at + INVITATION_LIFETIME

    def is_invitation_over(self, now: datetime) -> bool:
        ends_at = self.invitation_ends_at
        return ends_at is not None and ends_at <= now


class Group(models.Model):
    """People who share permissions. Permissions are given to groups, never to a person."""

    class BuiltIn(models.TextChoices):
        """Their rights cannot be edited: Administrators have every right and manage people,
        Managers have every right on video and recorders, Viewers watch live and recorded video."""

        NO = "", "no"
        ADMINISTRATORS = "administrators"
        MANAGERS = "managers"
        VIEWERS = "viewers"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=100)
    built_in = models.CharField(
        max_length=20, choices=BuiltIn, default=BuiltIn.NO, blank=True, editable=False
    )
    requires_mfa = models.BooleanField(default=False)  # counts only after a second factor
    memberships = models.ManyToManyField(Membership, related_name="groups", blank=True)

    objects = GroupQuerySet.as_manager()

    class Meta:
        ordering = [
            models.Case(models.When(built_in="", then=1), default=0),
            Lower("name"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "built_in"],
                condition=~models.Q(built_in=""),
                name="group_built_in_once",
            ),
            models.UniqueConstraint(
                Lower("name"), "organisation", name="group_name_unique_in_organisation"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_administrators(self) -> bool:
        return self.built_in == self.BuiltIn.ADMINISTRATORS


class OnsiteSecret(models.Model):
    """What recorders can check a person's password, or on-site code, with while the portal is away
    (accounts.onsite). Each recorder is given a value of its own."""

    class Origin(models.TextChoices):
        PASSWORD = "password"  # noqa: S105  the word, not one
        CODE = "code"

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="onsite_secret"
    )
    origin = models.CharField(max_length=10, choices=Origin)
    salt = models.CharField(max_length=64)
    root = EncryptedTextField()  # argon2id of the password with this salt, base64
    made_at = models.DateTimeField()
    # A code that was made while its provider vouched for the person counts at its recorders alone.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
