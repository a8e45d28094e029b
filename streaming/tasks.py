"""Doors for the worker."""

from __future__ import annotations

from datetime import UTC, datetime

from celery import shared_task
from django.utils import timezone


@shared_task(name="streaming.tell_recorders")  # accounts.access wakes it by this name
def tell_recorders(user_ids: list[str], changed_at: float) -> None:
    """`changed_at`: Unix seconds."""
    from streaming import access_changes

    moment = datetime.fromtimestamp(changed_at, UTC)
    access_changes.tell_recorders(user_ids, moment, timezone.now())


@shared_task
def look_at_preflight(preflight_id: str) -> None:
    from streaming.preflight import service

    if service.look(preflight_id, timezone.now()):
        look_at_preflight.apply_async((preflight_id,), countdown=service.LOOK_AGAIN_S)
