"""A lease on a job's row: renewed while its worker lives, so that a lost worker is noticed soon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils import timezone

from recorders.models import WhitelistMail

LEASE = timedelta(seconds=25)  # with the beat's 30 s, a lost worker's job goes on within a minute
RENEW_EVERY_S = 8.0  # two renewals may fail


@contextmanager
def renewed(mine: QuerySet[WhitelistMail]) -> Iterator[None]:
    """Renews `lease_until` of the row inside the block, which may block for minutes (SMTP)."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(mine, done), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(mine: QuerySet[WhitelistMail], done: threading.Event) -> None:
    try:
        while not done.wait(RENEW_EVERY_S):
            _renew_once(mine)
    finally:
        connection.close()


def _renew_once(mine: QuerySet[WhitelistMail]) -> None:
    try:
        mine.all().update(lease_until=timezone.now() + LEASE)
    except DatabaseError:
        return  # the next one may succeed; else another worker takes over, which is the point
