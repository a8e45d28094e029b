"""Names of organisations in addresses: `/sign-in/harbour/`, `ada@harbour`."""

from __future__ import annotations

from django.utils.text import slugify

from accounts.ids import random_handle
from accounts.models import Organisation

MAX_LENGTH = 30
RESERVED = ("", "localhost")  # `ada@localhost` is an e-mail address to Django


def free_handle(name: str) -> str:
    """Made of the organisation's name; a random one where that is taken or has no letters. It
    never changes afterwards: people sign in with it."""
    wanted = slugify(name)[:MAX_LENGTH].strip("-_")
    is_free = wanted not in RESERVED and not Organisation.objects.filter(handle=wanted).exists()
    return wanted if is_free else random_handle()
