"""What the worker does for recorders. Celery only wakes it; the truth of a job is its row."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone


@shared_task
def send_registration_notice(code_id: str) -> None:
    from recorders.services import registration_notice

    registration_notice.send(code_id)


@shared_task
def send_whitelist_mail(mail_id: str) -> None:
    from recorders.services import whitelist_mails

    whitelist_mails.send(mail_id, timezone.now())


@shared_task
def wake_whitelist_mails() -> None:
    from recorders.services import whitelist_mails

    whitelist_mails.wake_due(timezone.now())


@shared_task
def tell_offline() -> None:
    from recorders.services import presence

    presence.tell_offline(timezone.now())
