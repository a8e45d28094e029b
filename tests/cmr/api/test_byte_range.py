from __future__ import annotations

import pytest

from cmr.api.byte_range import Unsatisfiable, wanted_bytes

CASES = [
    (None, None, None),
    ("bytes=0-99", None, (0, 99)),
    ("bytes=0-", None, (0, 999)),
    ("bytes=990-5000", None, (990, 999)),
    ("bytes=-10", None, (990, 999)),
    ("bytes=-5000", None, (0, 999)),
    ("bytes=0-0", None, (0, 0)),
    ("bytes=5-2", None, None),
    ("bytes=0-1,5-6", None, None),
    ("items=0-1", None, None),
    ("bytes=a-b", None, None),
    ("bytes=0-99", '"tag"', (0, 99)),
    ("bytes=0-99", '"old"', None),
]


@pytest.mark.parametrize(("range_", "if_range", "expected"), CASES)
def test_which_bytes_are_wanted(
    range_: str | None, if_range: str | None, expected: tuple[int, int] | None
) -> None:
    assert wanted_bytes(range_, if_range, '"tag"', 1000) == expected


@pytest.mark.parametrize("range_", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_is_unsatisfiable(range_: str) -> None:
    with pytest.raises(Unsatisfiable):
        wanted_bytes(range_, None, '"tag"', 1000)
