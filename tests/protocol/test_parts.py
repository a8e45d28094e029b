"""Parts of messages on a data channel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.parts import MAX_PART_BYTES, Joiner, split

LIMIT = 100_000


@pytest.mark.parametrize(
    ("size", "count"),
    [(0, 1), (1, 1), (MAX_PART_BYTES, 1), (MAX_PART_BYTES + 1, 2), (2 * MAX_PART_BYTES, 2)],
)
def test_what_is_split_is_joined_again(size, count):
    message = bytes(range(256)) * (size // 256 + 1)
    message = message[:size]
    parts, joiner = list(split(message)), Joiner(LIMIT)
    assert len(parts) == count
    assert [part[0] for part in parts] == [0] * (count - 1) + [1]
    assert [joiner.feed(part) for part in parts] == [None] * (count - 1) + [message]
    assert joiner.feed(b"\1next") == b"next"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([b""], "bad_frame"),
        ([b"\2x"], "bad_frame"),
        ([b"\1" + bytes(MAX_PART_BYTES + 1)], "frame_too_large"),
        ([b"\0" + bytes(MAX_PART_BYTES)] * (LIMIT // MAX_PART_BYTES + 1), "frame_too_large"),
    ],
)
def test_it_refuses_what_nobody_splits_so(parts, code):
    joiner = Joiner(LIMIT)
    for part in parts[:-1]:
        joiner.feed(part)
    with pytest.raises(ProtocolError) as error:
        joiner.feed(parts[-1])
    assert error.value.code == code


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_memory_is_bounded_whatever_comes(parts):
    joiner = Joiner(64)
    for part in parts:
        try:
            joined = joiner.feed(part)
        except ProtocolError:
            break
        assert joined is None or len(joined) <= 64
