"""Identity providers of organisations."""

from __future__ import annotations

from django.db import models

from accounts.encrypted import EncryptedTextField
from accounts.ids import random_id
from accounts.models.organisations import Organisation
from accounts.models.people import Membership
from accounts.querysets import OrganisationOwnedQuerySet


class IdentityProvider(models.Model):
    """Where people of an organisation sign in: OpenID Connect or SAML 2.0."""

    class Kind(models.TextChoices):
        OIDC = "oidc", "OpenID Connect"
        SAML = "saml", "SAML 2.0"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, related_name="identity_provider"
    )
    kind = models.CharField(max_length=4, choices=Kind)
    name = models.CharField(max_length=60)  # on the sign-in button
    is_enabled = models.BooleanField(default=False)
    is_forced = models.BooleanField(default=False)  # other ways to sign in do not count here
    creates_people = models.BooleanField(default=False)  # on their first sign-in
    client_id = models.CharField(max_length=200, blank=True)  # OpenID Connect
    secret = EncryptedTextField(blank=True, default="")
    settings = models.JSONField(default=dict)  # issuer, or what SAML metadata said
    groups_claim = models.CharField(max_length=100, blank=True)
    group_map = models.JSONField(default=dict)  # what the claim holds → group id
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrganisationOwnedQuerySet.as_manager()


class Federation(models.Model):
    """Who an organisation's identity provider means by a subject."""

    provider = models.ForeignKey(
        IdentityProvider, on_delete=models.CASCADE, related_name="federations"
    )
    subject = models.CharField(max_length=255)
    membership = models.OneToOneField(
        Membership, on_delete=models.CASCADE, related_name="federation"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="federation_unique")
        ]
