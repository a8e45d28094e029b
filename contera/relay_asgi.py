"""A stand-alone relay node as an ASGI application: no Django, no database.

`CONTERA_PORTAL_JWKS` is the address (`https://…/.well-known/jwks.json`) or the file of the portal's
public keys; `CONTERA_PORTAL_ORIGINS` are the origins of its pages, separated by commas.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import urllib.request
from collections.abc import Collection
from pathlib import Path

from protocol.tokens import KeyRing
from streaming.relay.asgi import RelayApp
from streaming.relay.hub import Hub
from streaming.relay.wire import Receive, Scope, Send

logger = logging.getLogger(__name__)

REFRESH_S = 300.0  # a portal publishes a new key long before it signs with it
FETCH_S = 10.0
MAX_JWKS_BYTES = 64 * 1024


def load_keys(source: str) -> KeyRing:
    """The portal's keys; raises OSError, ValueError or ProtocolError `bad_keys`."""
    if source.startswith(("https://", "http://")):
        with urllib.request.urlopen(source, timeout=FETCH_S) as answer:  # noqa: S310 - checked above
            text = answer.read(MAX_JWKS_BYTES)
    else:
        text = Path(source).read_bytes()
    return KeyRing(json.loads(text))


def build_application() -> RelayApp:
    """The node as its environment describes it; raises KeyError without CONTERA_PORTAL_JWKS."""
    keys = PortalKeys(os.environ["CONTERA_PORTAL_JWKS"])
    origins = os.environ.get("CONTERA_PORTAL_ORIGINS", "").split(",")
    return Node(keys, [origin.strip() for origin in origins if origin.strip()])


class PortalKeys:
    """The portal's keys as last read; a portal that is away changes nothing."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.ring = load_keys(source)

    async def keep_fresh(self) -> None:
        """Reads them again every REFRESH_S, so that a new portal key is known before it is used."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                fresh = await asyncio.to_thread(load_keys, self._source)
            except (OSError, ValueError) as error:
                logger.warning("the portal's keys could not be read again: %s", error)
            else:
                if fresh.jwks != self.ring.jwks:
                    self.ring = fresh


class Node(RelayApp):
    """A relay application that looks after its keys as long as it runs."""

    def __init__(self, keys: PortalKeys, portal_origins: Collection[str]) -> None:
        super().__init__(Hub(lambda: keys.ring), portal_origins)
        self._portal_keys = keys

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as tasks:
            refreshing = tasks.create_task(self._portal_keys.keep_fresh())
            await super().lifespan(scope, receive, send)
            refreshing.cancel()
