"""Tells open pages that something about an incident changed; they fetch it again.

The signal may be lost: pages also ask now and then.
"""

from __future__ import annotations

import logging
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def group_of(incident_id: UUID) -> str:
    """The channel-layer group of the pages that show this incident."""
    return f"incident.{incident_id}"


def announce(incident_id: UUID) -> None:
    message = {"type": "incident.changed"}
    try:
        async_to_sync(get_channel_layer().group_send)(group_of(incident_id), message)
    except (RedisError, OSError) as error:
        logger.debug("incident change not announced: %s", error)
