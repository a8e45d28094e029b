"""Somebody who writes all the time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from tests.outages.installation import Installation, wait_until


@contextlib.contextmanager
def busy(portal: Installation) -> Iterator[list[str]]:
    """Somebody adds groups all the time; those that the portal has answered are in the list."""
    written: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            name = f"Group {len(written)}"
            if portal.api("groups/", {"name": name}).status == 201:
                written.append(name)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait_until(lambda: len(written) > 3)
        yield written
    finally:
        stop.set()
        thread.join(30)
