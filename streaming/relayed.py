"""Questions of the portal's own to a recorder, through whichever relay node has its link.

They block, and the recorder decides when and how fast it answers: every one has its end here, so
that no recorder keeps a worker from the others (P4).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from accounts.outgoing.patience import Patience
from recorders.models import Recorder

ANSWER_S = 9.0  # for all of it; the relay gives a silent recorder up after 10 s
CONNECT_S = 3.0  # of that
MAX_BYTES = 256 * 1024
PREFIX = "/relay/v1/recorders/"


class Silence(Exception):
    """No answer of the recorder's; the text is for people."""


def ask(
    recorder: Recorder, token: str, method: str, target: str
) -> tuple[int, dict[str, Any]]:  # Any: JSON
    """Status and body of the recorder's answer; raises Silence within ANSWER_S."""
    said = f"Recorder “{recorder}” is not linked to the relay."
    with Patience(ANSWER_S) as patience:
        for url in settings.CONTERA_RELAY_URLS:
            try:
                with opened(patience, url, str(recorder.pk), token, method, target) as answer:
                    status, body = answer.status, _object(_read(answer))
            except HTTPError as error:
                said = f"The relay does not answer ({type(error).__name__})."
                continue
            if status not in (502, 503, 504) and not patience.is_over:
                return status, body
            said = str(body.get("detail", ""))[:300] or said
        if patience.is_over:
            said = f"Recorder “{recorder}” does not answer."
    raise Silence(said)


@contextmanager
def opened(
    patience: Patience,
    relay: str,
    recorder_id: str,
    token: str,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
) -> Iterator[BaseHTTPResponse]:
    """The recorder's answer by this relay node, its body not read yet: a body could go on for ever.
    What was not read is not wanted: the relay tells the recorder to stop. Raises HTTPError."""
    if patience.is_over:
        raise HTTPError("no time is left")
    with urllib3.connection_from_url(relay, timeout=urllib3.Timeout(CONNECT_S, ANSWER_S)) as pool:
        patience.watch(pool)
        answer = pool.urlopen(
            method,
            f"{urlsplit(relay).path}{PREFIX}{recorder_id}{target}",
            headers={"Authorization": f"Bearer {token}", **(headers or {})},
            redirect=False,
            retries=False,
            preload_content=False,
        )
        with closing(answer):
            yield answer


def _read(answer: BaseHTTPResponse) -> bytes:
    """As much as is taken, of what arrives in time."""
    data = b""
    while len(data) < MAX_BYTES and (piece := answer.read1(MAX_BYTES - len(data))):
        data += piece
    return data


def _object(data: bytes) -> dict[str, Any]:  # Any: JSON
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
