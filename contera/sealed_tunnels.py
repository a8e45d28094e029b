"""The tunnels of sealed HTTP that are open, bounded in number and age."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from protocol.sealed_http import Numbers
from protocol.sealing import SealedChannel

MAX_TUNNELS = 20_000  # as many as a node has links; an idle one has about 1 KiB
MAX_REQUESTS = 128  # side by side in one tunnel; a recorder answers 64 and keeps two polls
UNPROVEN_S = 30.0  # a hello that nothing followed
IDLE_S = 120.0  # recorders poll every 20 s
LIFETIME_S = 3600.0  # then new keys; recorders ask for them sooner


class TunnelsFull(Exception):
    """No room for one more."""


class Tunnel:
    """One agreed channel, and which requests were made in it."""

    __slots__ = ("channel", "is_proven", "numbers", "open_requests", "opened_at", "used_at")

    def __init__(self, channel: SealedChannel, now: float) -> None:
        self.channel = channel
        self.numbers = Numbers()
        self.is_proven = False
        self.open_requests = 0
        self.opened_at = self.used_at = now

    @contextlib.contextmanager
    def in_use(self, clock: Callable[[], float]) -> Iterator[None]:
        """While a request runs; raises TunnelsFull when too many do."""
        if self.open_requests >= MAX_REQUESTS:
            raise TunnelsFull
        self.open_requests += 1
        try:
            yield
        finally:
            self.open_requests -= 1
            self.used_at = clock()

    def is_over(self, now: float) -> bool:
        """True when no new request may begin."""
        if now - self.opened_at > LIFETIME_S:
            return True
        idle_s = IDLE_S if self.is_proven else UNPROVEN_S
        return not self.open_requests and now - self.used_at > idle_s


class Tunnels:
    """All tunnels by their ids. The one that was used longest ago makes room when they are many:
    who loses it says hello again."""

    def __init__(self, limit: int = MAX_TUNNELS) -> None:
        self._limit = limit
        self._tunnels: dict[str, Tunnel] = {}  # the one used longest ago first
        self._swept_at = 0.0

    def __len__(self) -> int:
        return len(self._tunnels)

    def add(self, name: str, channel: SealedChannel, now: float) -> None:
        """Raises TunnelsFull when all are in use."""
        self._sweep(now)
        if len(self._tunnels) >= self._limit:
            self._make_room()
        self._tunnels[name] = Tunnel(channel, now)

    def get(self, name: str, now: float) -> Tunnel | None:
        tunnel = self._tunnels.pop(name, None)
        if tunnel is None or tunnel.is_over(now):
            return None
        self._tunnels[name] = tunnel  # behind all others
        return tunnel

    def _make_room(self) -> None:
        idle = (name for name, tunnel in self._tunnels.items() if not tunnel.open_requests)
        oldest = next(idle, None)
        if oldest is None:
            raise TunnelsFull
        del self._tunnels[oldest]

    def _sweep(self, now: float) -> None:
        """Forgets what is over, at most once in UNPROVEN_S."""
        if now - self._swept_at < UNPROVEN_S:
            return
        self._swept_at = now
        for name in [name for name, tunnel in self._tunnels.items() if tunnel.is_over(now)]:
            del self._tunnels[name]
