"""Retention: what is deleted when the archive is full. The oldest goes first."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from cmr.archive.index import FileRow


def choose_victims(
    oldest_first: Iterable[FileRow], excess_bytes: int, is_kept: Callable[[FileRow], bool]
) -> list[FileRow]:
    """The oldest files that may go, until `excess_bytes` are free; fewer when there are no more."""
    victims: list[FileRow] = []
    for row in oldest_first:
        if excess_bytes <= 0:
            break
        if not is_kept(row):
            victims.append(row)
            excess_bytes -= row.size_bytes
    return victims


class Pins:
    """Files that are being read and must stay.

    `lock` is held while a reader looks up files and pins them, and while retention chooses and
    forgets files: so nothing is deleted between being found and being pinned.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._counts: Counter[str] = Counter()

    def is_pinned(self, name: str) -> bool:
        """Whether somebody reads the file."""
        with self.lock:
            return self._counts[name] > 0

    def pin(self, names: Iterable[str]) -> Callable[[], None]:
        """Keep the files; returns what releases them, once."""
        names = tuple(names)
        with self.lock:
            self._counts.update(names)
        is_released = False

        def release() -> None:
            nonlocal is_released
            with self.lock:
                if not is_released:
                    self._counts.subtract(names)
                    self._counts += Counter()  # forget those nobody holds
                is_released = True

        return release
