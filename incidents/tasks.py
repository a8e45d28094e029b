"""Doors for the worker. Every one may run twice, late, or beside itself."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from incidents.jobs import export_run, mail, removal, spool
from incidents.models import Export

logger = logging.getLogger(__name__)

BEAT_S = 15  # what the beat queues is stale when it comes again: no heap while workers are busy


@shared_task
def run_export(export_id: str) -> None:
    is_unfinished = export_run.run_export(UUID(export_id))
    if is_unfinished:
        send(run_export, export_id)
    elif Export.objects.unannounced(timezone.now()).filter(pk=export_id).exists():
        send(send_export_mail, export_id)


@shared_task
def send_export_mail(export_id: str) -> None:
    mail.send_mail(UUID(export_id), timezone.now())


@shared_task
def remove_objects() -> None:
    removal.remove_due_objects(timezone.now())


@shared_task
def wake_exports() -> None:
    """Beat: queue again whatever lost its worker, its message or its mail."""
    now = timezone.now()
    for export in Export.objects.due(now).order_by("created_at"):
        send(run_export, str(export.pk), expires_s=BEAT_S)
    for export in Export.objects.unannounced(now):
        send(send_export_mail, str(export.pk), expires_s=BEAT_S)
    removal.remove_due_objects(now)
    spool.sweep(now)


def send_after_commit(task: Any, *args: str) -> None:
    """Wake a worker once the rows are there (Any: Celery's task proxy has no public type)."""
    transaction.on_commit(lambda: send(task, *args))


def send(task: Any, *args: str, expires_s: int | None = None) -> None:
    """Without a broker nothing is lost: the rows are there, and the beat finds them."""
    try:
        task.apply_async(args=args, retry=False, expires=expires_s)
    except (OperationalError, OSError) as error:
        logger.warning("%s not queued, the beat will: %s", task.name, error)
