"""`Idempotency-Key`: a write that is sent again has one effect and gets the same answer.

A key belongs to a person or service for 24 hours. The first request with it claims a row before
it does anything; its answer is kept there, encrypted, because answers may hold a new token. An
answer that says "not now" (429, 503) gives the key free again.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import Problem
from accounts.models import ApiToken, IdempotentAnswer, User
from protocol.errors import PROBLEM_CONTENT_TYPE

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(hours=24)
MAX_KEY = 255
# A request has 25 s; one that is under way after this was broken off with its process.
UNDER_WAY = timedelta(seconds=60)
NOT_NOW = (429, 503)


class Replay(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def begin(request: Request, now: datetime) -> IdempotentAnswer | None:
    """The claimed row that the answer must be kept in; None without the header. Raises Replay, or
    Problem (400, 409, 422)."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not isinstance(request.user, User):
        detail = f"{HEADER} is for requests of somebody who is signed in."
        raise Problem(400, "bad_idempotency_key", detail)
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        detail = f"{HEADER} has 1 to {MAX_KEY} printable ASCII characters."
        raise Problem(400, "bad_idempotency_key", detail)
    digest = _digest(request)
    mine = IdempotentAnswer.objects.filter(user=request.user, key=key)
    mine.filter(created_at__lt=now - KEPT).delete()
    row, is_new = IdempotentAnswer.objects.get_or_create(
        user=request.user, key=key, defaults={"request_digest": digest}
    )
    if not is_new:
        _answer_again(row, digest, now)
    return row


def finish(row: IdempotentAnswer, response: Response) -> None:
    """Keeps the answer, or gives the key free."""
    if response.status_code in NOT_NOW:
        row.delete()
        return
    row.status = response.status_code
    row.body = "" if response.data is None else json.dumps(_plain(response))
    row.save(update_fields=["status", "body"])


def give_free(row: IdempotentAnswer) -> None:
    row.delete()


def forget(now: datetime) -> int:
    """Removes answers that are no longer kept; says how many."""
    return IdempotentAnswer.objects.filter(created_at__lt=now - KEPT).delete()[0]


def _answer_again(row: IdempotentAnswer, digest: str, now: datetime) -> None:
    if row.request_digest != digest:
        detail = f"This {HEADER} was used for another request."
        raise Problem(422, "idempotency_key_reused", detail)
    if row.status is None and now - row.created_at < UNDER_WAY:
        detail = "The first request with this key is still under way."
        raise Problem(409, "idempotency_in_progress", detail)
    if row.status is None:
        detail = "The first request with this key was broken off. Look what it did; use a new key."
        raise Problem(409, "idempotency_unknown", detail)
    body = json.loads(row.body) if row.body else None
    is_problem = row.status >= 400
    kind = PROBLEM_CONTENT_TYPE if is_problem else None
    raise Replay(Response(body, row.status, headers={REPLAYED: "true"}, content_type=kind))


def _digest(request: Request) -> str:
    """Method, address, body, and by which token: another one may be allowed less."""
    plain = request._request
    by = str(request.auth.pk) if isinstance(request.auth, ApiToken) else "pages"
    parts = (str(request.method), plain.get_full_path(), by)
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + plain.body).hexdigest()


def _plain(response: Response) -> Any:  # Any: JSON
    """As it was sent: ids and times as text."""
    return json.loads(response.rendered_content)
