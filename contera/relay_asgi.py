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
import re
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from contera.node_key import load_node_key
from contera.relay_viewings import deliver_to
from contera.sealed_http import Application, SealedHost, SealedHttp
from protocol.loopback import is_loopback
from protocol.sealed_http import NODE_HOST_ID
from protocol.tokens import KeyRing
from streaming.relay.asgi import RelayApp
from streaming.relay.hub import Hub
from streaming.relay.viewings import Deliver
from streaming.relay.wire import Receive, Scope, Send

logger = logging.getLogger(__name__)

REFRESH_S = 300.0  # a portal publishes a new key long before it signs with it
FETCH_S = 10.0
MAX_JWKS_BYTES = 64 * 1024


def load_keys(source: str) -> KeyRing:
    """The portal's keys; raises ValueError, which names the source."""
    if source.startswith("http://") and not is_loopback(urlsplit(source).hostname or ""):
        raise ValueError(f"{source}: must be https, or anybody between could name other keys")
    try:
        return KeyRing(json.loads(_read(source)))
    except urllib.error.URLError as error:  # an HTTPError has a status and its words as well
        raise ValueError(f"{source}: {error.reason}") from None
    except OSError as error:
        raise ValueError(f"{source}: {error.strerror or error}") from None
    except ValueError as error:  # ProtocolError `bad_keys` is one
        raise ValueError(f"{source} holds no keys of a portal: {error}") from None


def _read(source: str) -> bytes:
    if source.startswith(("https://", "http://")):
        with urllib.request.urlopen(source, timeout=FETCH_S) as answer:  # noqa: S310 - checked above
            text: bytes = answer.read(MAX_JWKS_BYTES)
            return text
    return Path(source).read_bytes()


def build_application() -> Application:
    """The node as its environment describes it; raises KeyError without CONTERA_PORTAL_JWKS,
    and ValueError, which names the variable, for what cannot be used."""
    try:
        keys = PortalKeys(os.environ["CONTERA_PORTAL_JWKS"])
    except ValueError as error:
        raise ValueError(f"CONTERA_PORTAL_JWKS: {error}") from None
    origins = _origins(os.environ.get("CONTERA_PORTAL_ORIGINS", ""))
    node = Node(keys, origins, deliver_to(_portal_url(keys.source, origins)))
    key_file = os.environ.get("CONTERA_RELAY_KEY_FILE", "").strip()
    return _sealed(node, Path(key_file)) if key_file else node


def _origins(text: str) -> list[str]:
    origins = [origin.strip().rstrip("/") for origin in text.split(",") if origin.strip()]
    for origin in origins:
        if not re.fullmatch(r"https?://[^/?#@]+", origin):
            fact = f"must be like https://portal.example.com, not {origin}"
            raise ValueError(f"CONTERA_PORTAL_ORIGINS: {fact}")
    return origins


def _portal_url(jwks: str, origins: Sequence[str]) -> str | None:
    """Where the portal is: beside its keys, else where its pages come from."""
    if jwks.startswith(("https://", "http://")):
        return jwks
    return origins[0] if origins else None


def _sealed(node: Node, key_file: Path) -> Application:
    try:
        signer = load_node_key(key_file)
    except (OSError, ValueError) as error:
        fact = getattr(error, "strerror", None) or error
        raise ValueError(f"CONTERA_RELAY_KEY_FILE: {key_file}: {fact}") from None
    logger.info("name this node to the portal as http://<its name>#%s", signer.jwk["x"])
    return SealedHttp(node, SealedHost(NODE_HOST_ID, lambda: signer))


class PortalKeys:
    """The portal's keys as last read; a portal that is away changes nothing."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.ring = load_keys(source)

    async def keep_fresh(self) -> None:
        """Reads them again every REFRESH_S, so that a new portal key is known before it is used."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                fresh = await asyncio.to_thread(load_keys, self.source)
            except (OSError, ValueError) as error:
                logger.warning("the portal's keys could not be read again: %s", error)
            else:
                if fresh.jwks != self.ring.jwks:
                    self.ring = fresh


class Node(RelayApp):
    """A relay application that looks after its keys as long as it runs."""

    def __init__(
        self,
        keys: PortalKeys,
        portal_origins: Collection[str],
        deliver_viewings: Deliver | None = None,
    ) -> None:
        super().__init__(Hub(lambda: keys.ring), portal_origins, deliver_viewings)
        self._portal_keys = keys

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as tasks:
            refreshing = tasks.create_task(self._portal_keys.keep_fresh())
            await super().lifespan(scope, receive, send)
            refreshing.cancel()
