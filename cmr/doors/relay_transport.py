"""Which way answers take to the relay, and when another should be tried (docs/design/connection.md
§7). The door asks here; `relay_probe` finds out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

SETTLING_S = 6.0  # a request waits so long for the first verdict on a node: probes take 5 s
SPACING_S = 2.0  # between two probes, whatever asks for them
BETTER_AFTER_S = 3600.0  # filters are repaired, and replaced
TRUSTED_S = (
    60.0  # a live stream that begins later than this after the last verdict asks for another
)

log = logging.getLogger(__name__)


class Transport(StrEnum):
    """The best first."""

    STREAM = "stream"  # one POST, as long as the answer
    SOCKET = "socket"  # all answers over one WebSocket
    SEGMENTS = "segments"  # many small POSTs


@dataclass(frozen=True)
class Verdict:
    """`reason` says why it is not a better one; empty for the best."""

    transport: Transport
    reason: str = ""

    @property
    def words(self) -> str:
        return f"by {self.transport}: {self.reason}" if self.reason else f"by {self.transport}"


class TransportChoice:
    """The verdict in force; belongs to the event loop. `clock` is in seconds of any steady one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.verdict = Verdict(Transport.STREAM)
        self._clock = clock
        self._node: str | None = None
        self._decided_at = 0.0
        self._news = asyncio.Event()
        self._wanted = asyncio.Event()

    def decide(self, node: str, verdict: Verdict) -> None:
        """What a probe found."""
        if verdict != self.verdict:
            level = logging.WARNING if verdict.reason else logging.INFO
            log.log(level, "relay: answers go to %s %s", node, verdict.words)
        self.verdict = verdict
        self._decided_at = self._clock()
        self.keep(node)

    def keep(self, node: str) -> None:
        """A probe found nothing out: what was right so far is tried."""
        self._node = node
        self._news.set()
        self._news = asyncio.Event()

    def is_for(self, node: str) -> bool:
        """Whether the verdict in force is about this node."""
        return self._node == node

    def is_proved(self, node: str) -> bool:
        """Whether our media type was seen to pass to and from this node."""
        return self.is_for(node) and self.verdict.transport is Transport.STREAM

    def doubt(self) -> None:
        """Something failed: find out whether answers still pass."""
        self._wanted.set()

    def lose(self) -> None:
        """The way in use is gone: answers wait for the next verdict."""
        self._node = None
        self.doubt()

    def live_begins(self) -> None:
        """A filter may have come since the last verdict; a stream that it holds would show too
        late."""
        if self._clock() - self._decided_at > TRUSTED_S:
            self.doubt()

    async def settled(self, node: str) -> Verdict:
        """The verdict for a node; waits for the first one, but not for ever."""
        if self._node != node:
            self.doubt()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLING_S):
                    while self._node != node:
                        await self._news.wait()
        return self.verdict

    async def until_due(self) -> None:
        """Returns when it is time to probe again."""
        await asyncio.sleep(SPACING_S)
        is_best = self.verdict.transport is Transport.STREAM
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if is_best else BETTER_AFTER_S):
                await self._wanted.wait()
        self._wanted.clear()
