"""Questions of the portal's own to a recorder, through whichever relay node has its link."""

from __future__ import annotations

import json
import time
from typing import Any

import urllib3
from django.conf import settings
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from recorders.models import Recorder

CONNECT_S, READ_S = 3, 12  # the relay gives a silent recorder up after 10 s
MAX_BYTES = 256 * 1024

TIMEOUT = urllib3.Timeout(connect=CONNECT_S, read=READ_S)


class Silence(Exception):
    """No answer of the recorder's; the text is for people."""


def ask(
    recorder: Recorder, token: str, method: str, target: str
) -> tuple[int, dict[str, Any]]:  # Any: JSON
    """Status and body of the recorder's answer; raises Silence."""
    web = urllib3.PoolManager(timeout=TIMEOUT, retries=False)
    said = "The recorder is not linked to the relay."
    for url in settings.CONTERA_RELAY_URLS:
        try:
            answer = begin(web, url, str(recorder.pk), token, method, target)
            data = _body(answer)
        except HTTPError as error:
            said = f"The relay does not answer ({type(error).__name__})."
            continue
        body = _object(data)
        if answer.status not in (502, 503, 504):
            return answer.status, body
        said = str(body.get("detail", ""))[:300] or said
    raise Silence(said)


def begin(
    web: urllib3.PoolManager, relay: str, recorder_id: str, token: str, method: str, target: str
) -> BaseHTTPResponse:
    """The recorder's answer by this relay node, its body not read yet: a body could go on for ever.
    Raises urllib3's HTTPError."""
    return web.request(
        method,
        f"{relay}/relay/v1/recorders/{recorder_id}{target}",
        headers={"Authorization": f"Bearer {token}"},
        redirect=False,
        preload_content=False,
    )


def _body(answer: BaseHTTPResponse) -> bytes:
    """What arrives in time: the recorder decides how fast, and must not keep a worker for ever."""
    ends_at, data = time.monotonic() + READ_S, b""
    try:
        while len(data) < MAX_BYTES and time.monotonic() < ends_at:
            piece = answer.read1(MAX_BYTES - len(data))
            if not piece:
                break
            data += piece
    finally:
        answer.close()
    return data


def _object(data: bytes) -> dict[str, Any]:  # Any: JSON
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
