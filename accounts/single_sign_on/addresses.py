"""Addresses of the portal that an identity provider is told, and how far the portal goes to it."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from accounts.outgoing.addresses import Reach


def absolute(name: str, handle: str) -> str:
    """From CONTERA_BASE_URL alone: a forged Host never becomes part of what is checked."""
    return f"{settings.CONTERA_BASE_URL}{reverse(name, kwargs={'handle': handle})}"


def reach() -> Reach:
    return Reach(settings.CONTERA_IDENTITY_NETWORKS)
