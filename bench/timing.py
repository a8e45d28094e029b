"""How long a call takes, many times over."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

WARM, SAMPLES = 2, 50


def times_ms(call: Callable[[], object]) -> dict[str, float]:
    """Median and 95th percentile of its duration, once it is warm."""
    samples = [_once_ms(call) for _ in range(WARM + SAMPLES)][WARM:]
    return {
        "p50_ms": round(statistics.median(samples), 1),
        "p95_ms": round(statistics.quantiles(samples, n=20)[-1], 1),
    }


def _once_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
