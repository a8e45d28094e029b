"""Tells recorders that somebody's rights changed, and the relay nodes that the messages pass: for
video that no session in the portal brings (A6).

A lost message is repaired by the token: it ends within 60 s and its renewal has the new rights.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice

import urllib3
from django.conf import settings
from redis.exceptions import RedisError
from urllib3.exceptions import HTTPError

from accounts.models import User
from protocol.tokens import ACCESS_CHANGE
from recorders.models import Recorder
from streaming.relayed import ANSWER_S, PREFIX
from streaming.services import powerless_token
from streaming.viewing import viewed_by

logger = logging.getLogger(__name__)

MAX_MESSAGES = 2_000  # of one change; whoever comes after waits for the end of the token
AT_ONCE = 16  # a recorder that is slow to answer must not keep the others waiting
TELL_S = 3.0  # a recorder with a link answers at once; a stream should end within 5 s

Message = tuple[str, str]  # recorder id, token


def tell_recorders(user_ids: Sequence[str], changed_at: datetime, now: datetime) -> None:
    """One message for each person and recorder that they may be watching; within ANSWER_S, so that
    silent recorders do not keep the worker."""
    messages = list(islice(_messages(user_ids, changed_at, now), MAX_MESSAGES + 1))
    if len(messages) > MAX_MESSAGES:
        logger.warning("access change: only the first %d recorders are told", MAX_MESSAGES)
    if not messages:
        return
    web = urllib3.PoolManager(retries=False, maxsize=AT_ONCE, block=True)
    ends_at = time.monotonic() + ANSWER_S
    with ThreadPoolExecutor(AT_ONCE) as threads:
        told = threads.map(lambda message: _tell(web, message, ends_at), messages[:MAX_MESSAGES])
        outcomes = list(told)
    logger.info("access change: told %d of %d recorders", sum(outcomes), len(outcomes))


def _messages(user_ids: Iterable[str], changed_at: datetime, now: datetime) -> Iterator[Message]:
    """Of the moment of the change: tokens from after it have the new rights and stay."""
    for user in User.objects.filter(pk__in=list(user_ids)):
        for recorder in _watched(user, now):
            token = powerless_token(user, recorder, ACCESS_CHANGE, changed_at)
            yield str(recorder.pk), token.text


def _watched(user: User, now: datetime) -> list[Recorder]:
    """Removed ones too: they go on serving whoever is connected directly."""
    try:
        recorders = Recorder.objects.filter(pk__in=viewed_by(user.pk))
    except (RedisError, OSError) as error:
        logger.warning("access change not told to recorders: %s", error)
        return []
    return [recorder for recorder in recorders if recorder.is_online(now)]


def _tell(web: urllib3.PoolManager, message: Message, ends_at: float) -> bool:
    """Whether the recorder was told; one of the relay nodes has its link."""
    for url in settings.CONTERA_RELAY_URLS:
        left_s = min(TELL_S, ends_at - time.monotonic())
        if left_s <= 0:
            return False
        try:
            if _is_told(web, url, message, left_s):
                return True
        except HTTPError as error:
            logger.info("access change: %s does not answer: %s", url, type(error).__name__)
    return False


def _is_told(web: urllib3.PoolManager, relay: str, message: Message, within_s: float) -> bool:
    """By the status alone, which the relay sends whole: a body would keep the worker from all
    others. Raises urllib3's HTTPError."""
    recorder_id, token = message
    answer = web.request(
        "POST",
        f"{relay}{PREFIX}{recorder_id}/v1/access-changes",
        headers={"Authorization": f"Bearer {token}"},
        timeout=urllib3.Timeout(total=within_s),
        redirect=False,
        preload_content=False,
    )
    is_told = answer.status == 204  # and has no body, so the connection can be used again
    if not is_told:
        answer.close()
    answer.release_conn()
    return is_told
