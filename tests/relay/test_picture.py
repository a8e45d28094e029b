"""Which pictures a joiner gets (connection.md §6.3)."""

from __future__ import annotations

import pytest

from streaming.relay.limits import KEPT_BYTES, MAX_GOP_FRAMES
from streaming.relay.picture import Picture
from tests.relay.cast import init, segment

SECOND = 90_000


def picture(seconds: int, group_s: int = 1, size: int = 100) -> Picture:
    """Four frames a second; a key frame every `group_s`."""
    made = Picture()
    made.add(init())
    for number in range(seconds * 4):
        made.add(segment(number * SECOND // 4, number % (4 * group_s) == 0, size))
    return made


def times(made: Picture, since: float | None) -> list[float]:
    found = made.segments(None if since is None else int(since * SECOND))
    assert found[0].is_init
    return [one.decode_time / SECOND for one in found[1:]]


@pytest.mark.parametrize(
    ("since", "first"),
    [
        (None, 9.0),
        (9.5, 9.0),
        (9.0, 9.0),
        (8.99, 8.0),
        (7.3, 7.0),
        (7.0, 7.0),
        (6.99, 9.0),  # not kept any more
        (12.0, 9.0),  # not there yet
    ],
)
def test_a_joiner_begins_with_the_group_that_holds_the_time(
    since: float | None, first: float
) -> None:
    found = times(picture(10), since)
    assert (found[0], found[-1]) == (first, 9.75)
    assert found == sorted(set(found))


@pytest.mark.parametrize(("group_s", "kept_from"), [(1, 7), (2, 6), (4, 4), (5, 0)])
def test_two_seconds_before_the_current_group_are_kept(group_s: int, kept_from: int) -> None:
    made = picture(10, group_s)
    assert times(made, kept_from)[0] == kept_from
    if kept_from:
        assert times(made, kept_from - 0.5)[0] > kept_from


def test_a_new_initialisation_forgets_what_it_does_not_fit() -> None:
    made = picture(5)
    made.add(init())
    made.add(segment(5 * SECOND, is_key=True))
    assert times(made, 3.0) == [5.0]


def test_what_is_kept_is_bounded_in_bytes_and_frames() -> None:
    made = picture(10, size=KEPT_BYTES // 6)
    kept = sum(len(one.data) for one in made.segments(7 * SECOND))
    assert kept <= KEPT_BYTES + 4 * (KEPT_BYTES // 6)
    for number in range(MAX_GOP_FRAMES + 1):
        made.add(segment(10 * SECOND + number))
    assert times(made, 10.0) == []
