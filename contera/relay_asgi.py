"""A stand-alone relay node as an ASGI application: no Django, no database.

`CONTERA_PORTAL_JWKS` is the address (`https://…/.well-known/jwks.json`) or the file of the portal's
public keys; `CONTERA_PORTAL_ORIGINS` are the origins of its pages, separated by commas.
`CONTERA_RELAY_KEY_FILE` lets recorders use the node over plain HTTP, sealed: the file of the node's
own key, made on first use. Its public half goes into the portal's CONTERA_RELAY_HTTP_URLS.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import urllib.request
from collections.abc import Collection
from pathlib import Path

from contera.node_key import load_node_key
from contera.sealed_http import Application, SealedHost, SealedHttp
from protocol.sealed_http import NODE_HOST_ID
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


def build_application() -> Application:
    """The node as its environment describes it; raises KeyError without CONTERA_PORTAL_JWKS, and
    OSError or ValueError for files that cannot be used."""
    keys = PortalKeys(os.environ["CONTERA_PORTAL_JWKS"])
    origins = os.environ.get("CONTERA_PORTAL_ORIGINS", "").split(",")
    node = Node(keys, [origin.strip() for origin in origins if origin.strip()])
    key_file = os.environ.get("CONTERA_RELAY_KEY_FILE", "").strip()
    return _sealed(node, Path(key_file)) if key_file else node


def _sealed(node: Node, key_file: Path) -> Application:
    signer = load_node_key(key_file)
    logger.info("name this node to the portal as http://<its name>#%s", signer.jwk["x"])
    return SealedHttp(node, SealedHost(NODE_HOST_ID, lambda: signer))


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
