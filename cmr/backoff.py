"""How long to wait before trying again: capped, with full jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Waits grow from `base_s` to `cap_s`, each drawn from the whole range.

    Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter") spreads recorders that
    were cut at the same moment over the whole wait instead of over its end (R9).
    """

    base_s: float
    cap_s: float
    random: random.Random = field(default_factory=random.SystemRandom)
    failures: int = 0

    def next_wait_s(self) -> float:
        """The wait after one more failure."""
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return self.random.uniform(0, ceiling)

    def reset(self) -> None:
        """It worked: the next failure begins at `base_s` again."""
        self.failures = 0
