"""Goes through pairs of sites: viewers begin one after the other, and wait together."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.natlab.catalogue import expected_paths, viewer_machine
from tests.natlab.portal import Portal
from tests.natlab.race import Outcome, run_race

MAX_AT_ONCE = 12  # more than can wait while others take their CALM_S
Pair = tuple[str, str]  # the recorder's site, the viewer's place


@dataclass(frozen=True)
class Row:
    """A pair, what was expected of it, and how it went."""

    site: str
    place: str
    expected: str
    outcome: Outcome

    @property
    def is_as_expected(self) -> bool:
        return self.outcome.path == self.expected

    def describe(self) -> str:
        """For whom it was not as expected."""
        found, words = self.outcome.path, self.outcome.describe()
        return f"{self.site} to {self.place}: {found}, expected {self.expected} ({words})"


def measure(portal: Portal, recorders: Mapping[str, str], pairs: Iterable[Pair]) -> list[Row]:
    """A session for each pair, in the order of the table.

    Who has to wait for what cannot work begins first, so that the others begin meanwhile; viewer by
    viewer, so that no recorder has many at once.
    """
    expected = expected_paths()
    order = sorted(pairs, key=lambda pair: (expected[pair] != "relay", pair[1]))
    may_begin = threading.Semaphore()

    def visit(pair: Pair) -> Row:
        site, place = pair
        calm = _Once(may_begin)
        may_begin.acquire()
        outcome = portal.laboratory.call(
            viewer_machine(site, place),
            lambda: run_race(portal, recorders[site], calm),
        )
        return Row(site, place, expected[pair], outcome)

    with ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        rows = list(pool.map(visit, order))
    return sorted(rows, key=lambda row: list(expected).index((row.site, row.place)))


class _Once:
    """Lets the next one begin, however often it is called."""

    def __init__(self, may_begin: threading.Semaphore) -> None:
        self._may_begin = may_begin
        self._lock = threading.Lock()

    def __call__(self) -> None:
        if self._lock.acquire(blocking=False):
            self._may_begin.release()
