"""A relay node tells the portal who watched what through it (`POST /api/v1/relay/viewings`)."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from protocol.loopback import is_loopback
from protocol.viewings import as_json
from streaming.relay.viewings import Deliver, Told

logger = logging.getLogger(__name__)

PATH = "/api/v1/relay/viewings"
POST_S = 10.0
MAX_BYTES = 256 * 1024  # of one request: half of what the portal takes; a token has up to 8 KiB
_LATER = frozenset({408, 425, 429})  # and every 5xx; other refusals stay what they are


def deliver_to(portal_url: str | None) -> Deliver | None:
    """How viewings get to this portal; None when its address is not known, or would show viewers'
    tokens to the network."""
    parts = urlsplit(portal_url or "")
    is_private = parts.scheme == "https" or is_loopback(parts.hostname or "")
    if portal_url is None or not is_private:
        logger.warning(
            "viewings are not told to the portal: neither CONTERA_PORTAL_JWKS nor the first of "
            "CONTERA_PORTAL_ORIGINS is an https address"
        )
        return None
    url = f"{parts.scheme}://{parts.netloc}{PATH}"

    async def deliver(told: Sequence[Told]) -> None:
        for body in bodies([_as_json(one) for one in told]):
            await asyncio.to_thread(_post, url, body)

    return deliver


def bodies(viewings: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Requests of MAX_BYTES at most for all of these, in their order (Any: JSON)."""
    body = json.dumps({"viewings": viewings}).encode()
    if len(body) <= MAX_BYTES or len(viewings) == 1:
        yield body
        return
    half = len(viewings) // 2
    yield from bodies(viewings[:half])
    yield from bodies(viewings[half:])


def _as_json(one: Told) -> dict[str, Any]:  # Any: JSON
    return {**as_json(one.viewing), "recorder_id": one.recorder_id, "token": one.token}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Tokens go to the portal's own address or nowhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # Any: as the library's
        return None


_web = urllib.request.build_opener(_NoRedirects)


def _post(url: str, body: bytes) -> None:
    """Raises OSError when the portal cannot take them now, or something else answers for it."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - https, or this machine: checked
    try:
        with _web.open(request, timeout=POST_S) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except urllib.error.URLError as error:
        raise OSError(f"{url}: {error.reason}") from None
    except HTTPException as error:
        raise OSError(f"{url}: {type(error).__name__}") from None
    if 400 <= status < 500 and status not in _LATER:
        logger.warning("%s refused viewings: %s", url, status)
    elif status != 204:
        raise OSError(f"{url} answers {status}")
