"""Who watches live video by this relay: noted by the feeds, told to the portal when it is over.

Bounded: when the portal takes nothing for long, the oldest are dropped, counted as
`viewing_dropped`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from protocol.viewing_book import ViewingBook, Watching
from protocol.viewings import MAX_TOLD, Viewing, Watcher
from streaming.relay.clock import Clock
from streaming.relay.viewer import LiveViewer

MAX_UNTOLD = 10_000
TELL_S = 1.0
RETRY_S = 5.0
LAST_S = 5.0  # for the last ones when the relay is being stopped

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """A viewing, and the last token by which it was watched."""

    viewing: Viewing
    recorder_id: str
    token: str


# Raises OSError when they must be told again later.
Deliver = Callable[[Sequence[Told]], Awaitable[None]]


class RelayViewings:
    """Belongs to the event loop."""

    def __init__(self, clock: Clock, counters: Counter[str]) -> None:
        self._clock = clock
        self._counters = counters
        self._book = ViewingBook()
        self._watching: dict[str, Watching] = {}  # by viewer
        self._viewers: dict[Watcher, LiveViewer] = {}  # who watched last
        self._untold: deque[Told] = deque()

    def begin(self, viewer: LiveViewer) -> None:
        """The viewer gets video now; once is enough."""
        if viewer.id not in self._watching:
            access = viewer.credential.access
            watcher = Watcher(
                session_id=access.session_id,
                user_id=access.user_id,
                camera=viewer.target.camera,
                kind="live",
                path="relay",
                address=access.address or "",
            )
            self._viewers[watcher] = viewer
            self._watching[viewer.id] = self._book.begin(watcher, self._clock.unix())

    def end(self, viewer: LiveViewer) -> None:
        """The viewer gets no more; safe for one that never got any."""
        watching = self._watching.pop(viewer.id, None)
        if watching is not None:
            self._book.end(watching, self._clock.unix())

    def tick(self) -> None:
        self._book.tick(self._clock.unix())
        self._collect()

    async def tell(self, deliver: Deliver) -> None:
        """Tells what is over until cancelled, and then the rest. Exactly one task runs this."""
        try:
            while True:
                has_told = await self._tell_some(deliver)
                await asyncio.sleep(TELL_S if has_told else RETRY_S)
        finally:
            self._book.close_all(self._clock.unix())
            self._collect()
            await self._tell_rest(deliver)

    async def _tell_rest(self, deliver: Deliver) -> None:
        try:
            async with asyncio.timeout(LAST_S):
                while self._untold and await self._tell_some(deliver):
                    pass
        except TimeoutError:
            logger.warning("relay: %d viewings could not be told", len(self._untold))

    async def _tell_some(self, deliver: Deliver) -> bool:
        """False when it must be tried again later."""
        while self._untold:
            some = [self._untold[at] for at in range(min(MAX_TOLD, len(self._untold)))]
            try:
                await deliver(some)
            except OSError as error:
                logger.warning("relay: viewings are not told yet: %s", error)
                self._counters["viewing_delayed"] += 1
                return False
            self._forget(some)
        return True

    def _forget(self, told: Sequence[Told]) -> None:
        """Others may have been dropped meanwhile."""
        for one in told:
            if self._untold and self._untold[0] is one:
                self._untold.popleft()

    def _collect(self) -> None:
        for viewing in self._book.take():
            viewer = self._viewers[viewing.watcher]
            credential = viewer.credential
            self._untold.append(Told(viewing, credential.access.recorder_id, credential.text))
            if len(self._untold) > MAX_UNTOLD:
                self._untold.popleft()
                self._counters["viewing_dropped"] += 1
        for watcher in list(self._viewers):
            if not self._book.has(watcher):
                del self._viewers[watcher]
