"""Where this recorder stands with its portal: read by the doors and the API, changed by the
heartbeat alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cmr.identity import Identity
from cmr.sealed_http import HostTrust


class PortalStanding(StrEnum):
    """How the portal is doing towards this recorder."""

    NOT_REGISTERED = "not_registered"
    CONNECTING = "connecting"
    ONLINE = "online"
    UNREACHABLE = "unreachable"
    REMOVED = "removed"


@dataclass(frozen=True)
class RelayAccess:
    """The relay nodes of our region, to be tried in turn, and the pass that opens them."""

    urls: tuple[str, ...]
    relay_pass: str
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # JWK of nodes by http URL


@dataclass
class Registration:
    """Identity, standing, clock and relay access of this recorder. Belongs to the event loop.

    `clock_offset_s` is how far this machine's clock is ahead of the portal's; tokens are judged by
    the portal's time, recordings carry this machine's.
    """

    identity: Identity | None
    clock: Callable[[], float] = time.time
    standing: PortalStanding = PortalStanding.NOT_REGISTERED
    detail: str = (
        "not registered with a portal; register it: python -m cmr enrol --portal URL --code CODE"
    )
    clock_offset_s: float = 0.0
    relay: RelayAccess | None = None
    paths_off: frozenset[str] = frozenset()  # by the remote network settings, as last heard
    stun: tuple[str, ...] = ()  # `host:port` of the servers that tell our address
    stun_server: tuple[str, int] | None = None  # the address of one that answers
    nat: dict[str, Any] | None = None  # what they told (`cmr.nat`), as reported. Any: JSON

    def __post_init__(self) -> None:
        self._relay_news = asyncio.Event()
        self._is_stale = asyncio.Event()
        if self.identity is not None:
            self.standing = PortalStanding.CONNECTING
            self.detail = f"connecting to {self.identity.portal_url}"

    def portal_now(self) -> int:
        """Unix seconds by the portal's clock, as far as it is known."""
        return int(self.clock() - self.clock_offset_s)

    def is_path_on(self, path: str) -> bool:
        """Whether the remote network settings let this path carry video; all do until the portal
        says otherwise."""
        return path not in self.paths_off

    def trust(self, origin: str) -> HostTrust | None:
        """Who must be at a plain address: the relay node that the portal named with its key, else
        the portal itself."""
        node = self.relay.keys.get(origin) if self.relay else None
        if node is not None:
            return HostTrust.node(node)
        return HostTrust.portal(self.identity.keys.jwks) if self.identity else None

    def set_relay(self, relay: RelayAccess) -> None:
        """The portal named the relay anew: whoever waits tries at once."""
        self.relay = relay
        self._relay_news.set()
        self._relay_news = asyncio.Event()

    def forget_relay(self) -> None:
        """The portal no longer knows us, so no relay will: doors wait until it names one again."""
        self.relay = None

    async def relay_access(self) -> RelayAccess:
        """The newest relay access; waits until the portal gave the first."""
        while self.relay is None:
            await self._relay_news.wait()
        return self.relay

    async def wait_for_relay_news(self, at_most_s: float) -> None:
        """Returns when the portal named the relay anew (it is back, or gave another pass), or after
        `at_most_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._relay_news.wait()

    def ask_for_heartbeat(self) -> None:
        """Something the portal told us proved wrong (a pass refused): ask it soon."""
        self._is_stale.set()

    async def heartbeat_wanted(self) -> None:
        """Returns when somebody asked for a heartbeat since the last time."""
        await self._is_stale.wait()
        self._is_stale.clear()
