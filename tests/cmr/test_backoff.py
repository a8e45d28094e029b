from __future__ import annotations

import random

from cmr.backoff import Backoff


def test_waits_grow_to_the_cap_and_are_spread_over_all_of_it() -> None:
    """R9."""
    backoff = Backoff(0.5, 8.0, random.Random(1))
    waits = [backoff.next_wait_s() for _ in range(1000)]
    assert waits[0] <= 0.5
    assert 7 < max(waits) <= 8
    assert 3.5 < sum(waits) / len(waits) < 4.5


def test_it_begins_again_after_a_success() -> None:
    backoff = Backoff(0.5, 8.0, random.Random(1))
    for _ in range(10_000):
        backoff.next_wait_s()
    backoff.reset()
    assert backoff.next_wait_s() <= 0.5
