"""Spans of footage: joined, shared and shortened, they never cover more than was meant."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protocol import footage
from protocol.footage import Span, as_claim, covers, joined, parse, shared

moments = st.none() | st.integers(1, 60)
spans = st.lists(st.tuples(moments, moments), max_size=40)


def _has(found: list[Span] | tuple[Span, ...], second: int) -> bool:
    return any(
        (start is None or start <= second) and (end is None or second < end) for start, end in found
    )


@given(spans)
def test_joined_spans_cover_the_same_in_order_and_apart(given_spans: list[Span]) -> None:
    found = joined(given_spans)
    assert len(found) <= footage.MAX_SPANS
    for second in range(61):
        assert not _has(found, second) or _has(given_spans, second)
        if len(found) < footage.MAX_SPANS:
            assert _has(found, second) == _has(given_spans, second)
    assert all(a[1] is not None and b[0] is not None and a[1] < b[0] for a, b in pairwise(found))


@given(spans.map(joined), spans.map(joined))
def test_shared_spans_are_in_both(one: footage.Spans, other: footage.Spans) -> None:
    found = shared(one, other)
    for second in range(61):
        assert not _has(found, second) or (_has(one, second) and _has(other, second))


def test_of_too_many_spans_the_newest_stay() -> None:
    found = joined((at * 10, at * 10 + 5) for at in range(20))
    assert found[0] == (40, 45)
    assert found[-1] == (190, 195)


def test_a_range_over_two_spans_is_not_covered() -> None:
    found = joined([(10, 20), (30, None)])
    assert covers(found, 10, 20)
    assert covers(found, 30, 10**12)
    assert not covers(found, 15, 35)
    assert not covers(found, 20, 20.5)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["playback", "export"]), st.integers(1, 9999)),
        spans.map(joined),
        max_size=200,
    )
)
def test_a_claim_is_bounded_and_never_says_more(
    wanted: dict[tuple[str, int], footage.Spans],
) -> None:
    claim = as_claim(wanted)
    found = parse(json.loads(json.dumps(claim)))
    assert len(json.dumps(claim, separators=(",", ":"))) <= footage.MAX_BYTES
    assert found.keys() == wanted.keys()
    assert all(found[key] in (wanted[key], footage.NONE) for key in wanted)
