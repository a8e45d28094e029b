"""What recorders need to know of changes to who may do what."""

from __future__ import annotations

from django.db import models

from accounts.models.organisations import Organisation


class AccessVersion(models.Model):
    """Counts the changes of who may do what in an organisation, so that its recorders fetch their
    on-site list anew (accounts.access)."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, primary_key=True, related_name="access"
    )
    number = models.PositiveBigIntegerField(default=0)
