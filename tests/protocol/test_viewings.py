"""Viewings: what is told, and how answers become one."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.viewing_book import MAX_OPEN, MAX_S, ViewingBook
from protocol.viewings import KINDS, WAYS, Viewing, Watcher, as_json, parse_viewing

LIVE = Watcher("session", "ada", 1, "live", "relay", "192.0.2.1")
RECORDED = Watcher("session", "ada", 1, "recorded", "lan")
CLIP = Watcher("session", "ada", 1, "clip", "lan")
SNAPSHOT = Watcher("session", "ada", 1, "snapshot", "relay")

texts = st.text(max_size=200)
times = st.floats(0, 4e9)
watchers = st.builds(
    Watcher,
    texts,
    texts,
    st.integers(0, 9999),
    st.sampled_from(KINDS),
    st.sampled_from(WAYS),
    texts,
)
spans = st.tuples(times, times).map(lambda span: (min(span), max(span)))
viewings = st.builds(
    lambda watcher, span, recorded, count: Viewing(watcher, *span, recorded, count),
    watchers,
    spans,
    st.none() | spans,
    st.integers(0, 10**6),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(viewings)
def test_a_viewing_is_the_same_when_it_was_told(viewing):
    assert parse_viewing(json.loads(json.dumps(as_json(viewing)))) == viewing


@given(JSON | st.tuples(st.sampled_from(sorted(as_json(Viewing(LIVE, 1, 2, (3, 4))))), JSON))
def test_what_is_no_viewing_is_refused_or_read(body):
    if isinstance(body, tuple):
        body = as_json(Viewing(LIVE, 1, 2, (3, 4))) | dict([body])
    with contextlib.suppress(ProtocolError):
        assert isinstance(parse_viewing(body), Viewing)


def _book(*events):
    """Each event: time, what, watcher, recorded span. Gives what is over after a long time."""
    book, running = ViewingBook(), {}
    for at, what, watcher, *recorded in events:
        book.tick(at)
        if what == "begin":
            running.setdefault(watcher, []).append(book.begin(watcher, at, *recorded))
        else:
            book.end(running[watcher].pop(0), at)
    book.tick(100_000)
    return [(v.start, v.end, v.recorded, v.count) for v in book.take()]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([(10, "begin", LIVE), (70, "end", LIVE)], [(10, 70, None, 1)]),
        (  # hd follows sd
            [
                (10, "begin", LIVE),
                (20, "begin", LIVE),
                (21, "end", LIVE),
                (30, "end", LIVE),
            ],
            [(10, 30, None, 2)],
        ),
        (
            [
                (10, "begin", LIVE),
                (20, "end", LIVE),
                (30, "begin", LIVE),
                (40, "end", LIVE),
            ],
            [(10, 20, None, 1), (30, 40, None, 1)],
        ),
        (  # pieces that follow each other
            [
                (10, "begin", RECORDED, (1000, 1060)),
                (11, "end", RECORDED),
                (60, "begin", RECORDED, (1060, 1120)),
                (61, "end", RECORDED),
            ],
            [(10, 61, (1000, 1120), 2)],
        ),
        (  # a jump
            [
                (10, "begin", RECORDED, (1000, 1060)),
                (11, "end", RECORDED),
                (30, "begin", RECORDED, (9000, 9060)),
                (31, "end", RECORDED),
            ],
            [(10, 11, (1000, 1060), 1), (30, 31, (9000, 9060), 1)],
        ),
        (  # dragging along the timeline
            [
                (10, "begin", RECORDED, (1000, 1060)),
                (11, "end", RECORDED),
                (12, "begin", RECORDED, (9000, 9060)),
                (13, "end", RECORDED),
            ],
            [(10, 13, (1000, 9060), 2)],
        ),
        (  # ranges of one file, then another file
            [
                (10, "begin", CLIP, (1000, 2000)),
                (11, "end", CLIP),
                (12, "begin", CLIP, (1000, 2000)),
                (13, "end", CLIP),
                (14, "begin", CLIP, (1000, 2001)),
                (15, "end", CLIP),
            ],
            [(10, 13, (1000, 2000), 2), (14, 15, (1000, 2001), 1)],
        ),
        (  # pictures of a page
            [(at, what, SNAPSHOT) for at in (10, 40, 800) for what in ("begin", "end")],
            [(10, 800, None, 3)],
        ),
    ],
    ids=[
        "live",
        "profile",
        "again",
        "pieces",
        "jump",
        "scrub",
        "ranges",
        "pictures",
    ],
)
def test_answers_become_viewings(events, told):
    assert _book(*events) == told


def test_a_long_viewing_is_told_in_parts_without_a_gap():
    book = ViewingBook()
    watching = book.begin(LIVE, 0)
    for at in range(2001):
        book.tick(at)
    book.end(watching, 2000)
    book.close_all(2000)
    parts = [(viewing.start, viewing.end) for viewing in book.take()]
    assert parts == [(0, MAX_S), (MAX_S, 2 * MAX_S), (2 * MAX_S, 2000)]


def test_a_viewing_that_runs_is_known_before_it_is_over():
    book = ViewingBook()
    book.begin(LIVE, 5)
    assert book.open_viewings(9) == [Viewing(LIVE, 5, 9)]
    assert book.take() == []


def test_viewings_at_once_are_bounded_and_counted():
    book = ViewingBook()
    for number in range(MAX_OPEN + 3):
        book.end(book.begin(Watcher(str(number), "ada", 1, "live", "lan"), 1), 2)
    assert (len(book), book.untold) == (MAX_OPEN, 3)


@given(
    st.lists(st.tuples(st.sampled_from([LIVE, RECORDED, CLIP]), st.booleans(), st.integers(0, 90)))
)
def test_whatever_happens_each_answer_is_in_one_viewing(steps):
    book, running, now, begun = ViewingBook(), [], 0.0, 0
    for watcher, ends, wait in steps:
        now += wait
        book.tick(now)
        if ends and running:
            book.end(running.pop(0), now)
        else:
            running.append(book.begin(watcher, now, None if watcher is LIVE else (now, now + 1)))
            begun += 1
    for watching in running:
        book.end(watching, now)
    book.close_all(now)
    told = book.take()
    assert all(viewing.start <= viewing.end <= now for viewing in told)
    assert sum(viewing.count for viewing in told) >= begun
