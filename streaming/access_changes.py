"""Tells recorders that somebody's rights changed, for video that does not pass the relay (A6).

A lost message is repaired by the token: it ends within 60 s and its renewal has the new rights.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice

import urllib3
from django.conf import settings
from redis.exceptions import RedisError
from urllib3.exceptions import HTTPError

from accounts.models import User
from recorders.models import Recorder
from streaming.relayed import TIMEOUT, begin
from streaming.services import powerless_token
from streaming.viewing import viewed_by

logger = logging.getLogger(__name__)

MAX_MESSAGES = 2_000  # of one change; whoever comes after waits for the end of the token
AT_ONCE = 16  # a recorder that is slow to answer must not keep the others waiting
DIRECT = {"manual_nat", "lan", "p2p"}

Message = tuple[str, str]  # recorder id, token


def tell_recorders(user_ids: Sequence[str], now: datetime) -> None:
    """One message for each person and recorder that they may be watching by a direct way."""
    messages = list(islice(_messages(user_ids, now), MAX_MESSAGES + 1))
    if len(messages) > MAX_MESSAGES:
        logger.warning("access change: only the first %d recorders are told", MAX_MESSAGES)
    if not messages:
        return
    web = urllib3.PoolManager(timeout=TIMEOUT, retries=False, maxsize=AT_ONCE, block=True)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes = list(threads.map(lambda message: _tell(web, message), messages[:MAX_MESSAGES]))
    logger.info("access change: told %d of %d recorders", sum(outcomes), len(outcomes))


def _messages(user_ids: Iterable[str], now: datetime) -> Iterator[Message]:
    for user in User.objects.filter(pk__in=list(user_ids)):
        for recorder in _watched(user, now):
            yield str(recorder.pk), powerless_token(user, recorder, "access-change", now).text


def _watched(user: User, now: datetime) -> list[Recorder]:
    """Removed ones too: they go on serving whoever is connected directly."""
    try:
        recorders = Recorder.objects.filter(pk__in=viewed_by(user.pk))
    except (RedisError, OSError) as error:
        logger.warning("access change not told to recorders: %s", error)
        return []
    return [r for r in recorders if r.is_online(now) and DIRECT & set(r.capabilities)]


def _tell(web: urllib3.PoolManager, message: Message) -> bool:
    """Whether the recorder was told; one of the relay nodes has its link."""
    recorder_id, token = message
    for url in settings.CONTERA_RELAY_URLS:
        try:  # its status alone: a body would keep the worker from all others
            answer = begin(web, url, recorder_id, token, "POST", "/v1/access-changes")
        except HTTPError as error:
            logger.info("access change: %s does not answer: %s", url, type(error).__name__)
            continue
        is_told = answer.status == 204  # and has no body, so the connection can be used again
        if not is_told:
            answer.close()
        answer.release_conn()
        if is_told:
            return True
    return False
