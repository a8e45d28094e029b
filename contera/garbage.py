"""When Python looks for garbage that only its collector finds."""

from __future__ import annotations

import gc

# A request for a long list makes some 10,000 objects and drops them by itself; the usual 700 made
# the collector go through everything that is loaded in the middle of it.
YOUNG, MIDDLE, OLD = 50_000, 20, 50


def collect_rarely() -> None:
    """To be called once all is loaded; what is there now stays for good and is never looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
