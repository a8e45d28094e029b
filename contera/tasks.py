"""What the worker does for the portal as a whole: a sign of life for /readyz, and housekeeping."""

from __future__ import annotations

from celery import shared_task
from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.cache import cache
from django.utils import timezone

from accounts.api import idempotency

WORKER_ALIVE_KEY = "worker-alive"
WORKER_ALIVE_S = 60  # beat sends every 10 s; a worker busy with an export answers in between


@shared_task
def note_worker_alive() -> None:
    cache.set(WORKER_ALIVE_KEY, True, WORKER_ALIVE_S)


@shared_task
def forget_expired_sessions() -> None:
    """Django leaves them in the database for ever."""
    SessionStore.clear_expired()


@shared_task
def forget_api_answers() -> None:
    """What programs were answered, for a day, in case they ask again."""
    idempotency.forget(timezone.now())
