"""A relay node tells the portal who watched what through it (`POST /api/v1/relay/viewings`)."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Sequence
from urllib.parse import urlsplit

from protocol.loopback import is_loopback
from protocol.viewings import as_json
from streaming.relay.viewings import Deliver, Told

logger = logging.getLogger(__name__)

PATH = "/api/v1/relay/viewings"
POST_S = 10.0
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
        await asyncio.to_thread(_post, url, told)

    return deliver


def _post(url: str, told: Sequence[Told]) -> None:
    """Raises OSError when the portal cannot take them now."""
    viewings = [
        {**as_json(one.viewing), "recorder_id": one.recorder_id, "token": one.token} for one in told
    ]
    request = urllib.request.Request(  # noqa: S310 - https, or this machine: checked above
        url,
        json.dumps({"viewings": viewings}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=POST_S):  # noqa: S310 - as above
            pass
    except urllib.error.HTTPError as error:
        if error.code >= 500 or error.code in _LATER:
            raise OSError(f"{url} answers {error.code}") from None
        logger.warning("%s refused %d viewings: %s", url, len(told), error.code)
    except urllib.error.URLError as error:
        raise OSError(f"{url}: {error.reason}") from None
