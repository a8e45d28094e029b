"""Tells running sessions that somebody's rights changed: those of the portal by a signal, those
that go on at recorders by a task. Both may be lost: the next renewal, within 60 s, repairs it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from asgiref.sync import async_to_sync
from celery import current_app
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from accounts.models import AccessVersion, Membership, User
from protocol.tokens import ACCESS_LIFETIME_S

logger = logging.getLogger(__name__)

TASK = "streaming.tell_recorders"
PEOPLE_PER_TASK = 200


def group_of(user_id: object) -> str:
    """The channel-layer group that all live sessions of a person belong to."""
    return f"user.{user_id}"


def announce_change(users: Iterable[User]) -> None:
    """After the transaction: every session of these people must renew its token at once."""
    user_ids = [str(user.pk) for user in users]
    transaction.on_commit(lambda: _note(user_ids), robust=True)
    transaction.on_commit(lambda: _tell(user_ids))


def access_changed(organisation_ids: Iterable[UUID]) -> None:
    """Who may do what there changed: its recorders fetch their on-site lists anew."""
    for organisation_id in sorted(set(organisation_ids)):
        AccessVersion.objects.get_or_create(organisation_id=organisation_id)
        found = AccessVersion.objects.filter(organisation_id=organisation_id)
        found.update(number=F("number") + 1)


def _note(user_ids: Sequence[str]) -> None:
    members = Membership.objects.filter(user__pk__in=user_ids)
    access_changed(members.values_list("organisation", flat=True).distinct())


def _tell(user_ids: Sequence[str]) -> None:
    """The moment comes first: whoever renews from then on has the new rights, and is not asked
    again when a worker gets to it."""
    changed_at = timezone.now()
    _signal(user_ids)
    _wake_worker(user_ids, changed_at)


def _signal(user_ids: Sequence[str]) -> None:
    layer = get_channel_layer()
    for user_id in user_ids:
        try:
            async_to_sync(layer.group_send)(group_of(user_id), {"type": "access.changed"})
        except (RedisError, OSError) as error:
            logger.warning("access change not announced: %s", error)
            return


def _wake_worker(user_ids: Sequence[str], changed_at: datetime) -> None:
    """By name: this app knows no recorders."""
    for first in range(0, len(user_ids), PEOPLE_PER_TASK):
        people = list(user_ids[first : first + PEOPLE_PER_TASK])
        try:
            args = [people, changed_at.timestamp()]
            current_app.send_task(TASK, args=args, expires=ACCESS_LIFETIME_S, retry=False)
        except (OperationalError, OSError) as error:
            logger.warning("access change not told to recorders: %s", error)
            return
