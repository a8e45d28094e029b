"""Which recorders a person may be watching now: those with a token that has not expired.

Kept in Redis, and lost with it: then a withdrawn right ends with the token, within 60 s.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from protocol.tokens import ACCESS_LIFETIME_S, LEEWAY_S

logger = logging.getLogger(__name__)

KEPT_S = ACCESS_LIFETIME_S + 2 * LEEWAY_S
MAX_RECORDERS = 1_000  # of a person; no screen shows as many
ANSWER_S = 2.0
OPENED_S = 60


def note_viewing(user_id: object, recorder_id: object) -> None:
    """The person got a token for this recorder. Never fails: a picture does not wait for it."""
    key, now = _key(user_id), time.time()
    try:
        with _redis(settings.REDIS_URL).pipeline() as orders:
            orders.zadd(key, {str(recorder_id): now})
            orders.zremrangebyscore(key, 0, now - KEPT_S)
            orders.zremrangebyrank(key, 0, -MAX_RECORDERS - 1)
            orders.expire(key, KEPT_S)
            orders.execute()
    except (RedisError, OSError) as error:
        logger.warning("not noted who watches: %s", error)


def is_first_lately(user_id: object, recorder_id: object, path: str) -> bool:
    """False when the person opened a session there by this way within the last OPENED_S: a page
    that is loaded again and again must not flood the audit trail. True when nobody knows."""
    key = f"contera.opened.{user_id}.{recorder_id}.{path}"
    try:
        return bool(_redis(settings.REDIS_URL).set(key, 1, nx=True, ex=OPENED_S))
    except (RedisError, OSError):
        return True


def viewed_by(user_id: object) -> list[UUID]:
    """Raises RedisError or OSError."""
    since = time.time() - KEPT_S
    found: list[bytes] = _redis(settings.REDIS_URL).zrangebyscore(_key(user_id), since, "+inf")  # type: ignore[assignment]  # sync client
    return [UUID(member.decode()) for member in found]


def _key(user_id: object) -> str:
    return f"contera.viewing.{user_id}"


@lru_cache(maxsize=4)
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)
