"""When Python looks for garbage that only its collector finds."""

from __future__ import annotations

import gc

# With the usual 700 the collector went through a list of 10,000 objects many times while it was
# made. Much rarer is worse again: the cycles of many requests are then freed in the middle of one.
YOUNG, MIDDLE, OLD = 10_000, 3, 5


def collect_rarely() -> None:
    """To be called once all is loaded; what is there now stays for good and is never looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
