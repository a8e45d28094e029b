"""What the worker does for the portal as a whole: a sign of life for /readyz, and housekeeping."""

from __future__ import annotations

import logging
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from accounts.api import idempotency
from accounts.session_store import SessionStore
from contera.backup import DUMP_S, BackupFailed, back_up

logger = logging.getLogger(__name__)

BACKUP_RUNS_KEY = "backup-runs"
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


@shared_task
def make_backup() -> None:
    """Where the settings name a folder. One at a time: a large database takes a while."""
    if not cache.add(BACKUP_RUNS_KEY, True, DUMP_S):
        return
    try:
        made = back_up(Path(settings.CONTERA_BACKUP_FOLDER), timezone.now())
        logger.info("backup: %s", made)
    except BackupFailed as error:
        logger.error("no backup: %s", error)  # noqa: TRY400  # its words are enough
    finally:
        cache.delete(BACKUP_RUNS_KEY)
