from __future__ import annotations

import pytest

from recorders.templatetags.sizes import size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (1_000_000_000, "1.0 GB"),
        (4_700_000_000, "4.7 GB"),
        (10**19, "10000.0 PB"),
    ],
)
def test_amounts_are_as_disks_are_sold(count: int | None, text: str) -> None:
    assert size(count) == text
