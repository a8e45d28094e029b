"""Tells running sessions that somebody's rights changed.

The signal may be lost: the next renewal, within 60 s, repairs it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from accounts.models import User

logger = logging.getLogger(__name__)


def group_of(user_id: object) -> str:
    """The channel-layer group that all live sessions of a person belong to."""
    return f"user.{user_id}"


def announce_change(users: Iterable[User]) -> None:
    """After the transaction: every session of these people must renew its token at once."""
    groups = [group_of(user.pk) for user in users]
    transaction.on_commit(lambda: _send(groups))


def _send(groups: list[str]) -> None:
    layer = get_channel_layer()
    for group in groups:
        try:
            async_to_sync(layer.group_send)(group, {"type": "access.changed"})
        except (RedisError, OSError) as error:
            logger.warning("access change not announced: %s", error)
            return
