"""Which relay node a recorder uses, and whether its link works."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cmr.connector import is_sealed
from cmr.registration import RelayAccess

BETTER_S = 3600.0  # a way that needs no sealing is tried again

log = logging.getLogger(__name__)


class Health:
    """Which node is used, and whether the link works; logs changes, counts repetitions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sealed_since: float | None = None
        self.words = "connecting"
        self._urls: tuple[str, ...] = ()
        self._next = 0
        self._failures = 0
        self._is_linked = False

    def node(self, access: RelayAccess) -> str:
        """The address to use now."""
        if not self._urls:
            self.words = f"connecting to {access.urls[0]}; certain within 20 s"
        self._urls = access.urls
        self._go_back_to_tls()
        return self._current()

    def _go_back_to_tls(self) -> None:
        """The first address is tried again after BETTER_S on a sealed one; it comes after TLS."""
        if not self.is_sealed:
            self._sealed_since = None
        elif self._sealed_since is None:
            self._sealed_since = self._clock()
        elif self._clock() - self._sealed_since > BETTER_S:
            self._sealed_since, self._next = None, 0

    def _current(self) -> str:
        return self._urls[self._next % len(self._urls)]

    @property
    def is_sealed(self) -> bool:
        """Whether the node in use is reached over plain http, sealed."""
        return bool(self._urls) and is_sealed(self._current())

    @property
    def is_failing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def succeeded(self, node: str) -> None:
        if not self._is_linked:
            tries = f" after {self._failures} failed tries" if self._failures else ""
            log.info("relay: linked through %s%s", node, tries)
        self._is_linked = True
        self._failures = 0
        self.words = f"linked through {node}{', sealed' if is_sealed(node) else ''}"

    def failed(self, node: str, reason: str) -> None:
        if self._failures == 0:
            log.warning("relay: %s: %s", node, reason)
        self._is_linked = False
        self._failures += 1
        if node == self._current():  # both polls fail together: one step to the next node
            self._next += 1
        self.words = f"{node}: {reason}"
