"""Questions of the portal's own to a recorder, through whichever relay node has its link."""

from __future__ import annotations

import json
from typing import Any

import urllib3
from django.conf import settings
from urllib3.exceptions import HTTPError

from recorders.models import Recorder

CONNECT_S, READ_S = 3, 12  # the relay gives a silent recorder up after 10 s
MAX_BYTES = 256 * 1024

_TIMEOUT = urllib3.Timeout(connect=CONNECT_S, read=READ_S)


class Silence(Exception):
    """No answer of the recorder's; the text is for people."""


def ask(
    recorder: Recorder, token: str, method: str, target: str
) -> tuple[int, dict[str, Any]]:  # Any: JSON
    """Status and body of the recorder's answer; raises Silence."""
    web = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)
    headers = {"Authorization": f"Bearer {token}"}
    said = "The recorder is not linked to the relay."
    for url in settings.CONTERA_RELAY_URLS:
        address = f"{url}/relay/v1/recorders/{recorder.pk}{target}"
        try:
            answer = web.request(
                method, address, headers=headers, redirect=False, preload_content=False
            )
            data = answer.read(MAX_BYTES)
            answer.release_conn()
        except HTTPError as error:
            said = f"The relay does not answer ({type(error).__name__})."
            continue
        body = _object(data)
        if answer.status not in (502, 503, 504):
            return answer.status, body
        said = str(body.get("detail", ""))[:300] or said
    raise Silence(said)


def _object(data: bytes) -> dict[str, Any]:  # Any: JSON
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
