"""Which frames a slow viewer loses, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.fragments import Segment
from streaming.relay.backlog import Backlog, Dropped, Mode
from streaming.relay.limits import KEYS_ONLY_S
from tests.relay.cast import init, segment


def feed(backlog: Backlog, letters: str, now: float = 0.0, size: int = 100) -> None:
    """`K` a key frame, `f` a frame, `i` an initialisation segment, `.` one item is taken, digits
    let seconds pass."""
    for letter in letters:
        if letter == ".":
            backlog.take()
        elif letter.isdigit():
            now += int(letter)
        else:
            item = init() if letter == "i" else segment(0, letter == "K", size)
            backlog.offer(item, now)


def letters(backlog: Backlog) -> str:
    out = ""
    while (item := backlog.take()) is not None:
        if isinstance(item, Dropped):
            out += f"<{item.frames}>"
        else:
            out += "i" if item.is_init else "K" if item.is_key else "f"
    return out


@pytest.mark.parametrize(
    ("name", "offered", "expected"),
    [
        ("everything fits", "iKfff", "iKfff"),
        ("too long: the queue goes, the next key frame begins anew", "iKfffffK", "<6>iK"),
        ("frames before the key frame stay out", "KfffffffffKf", "<10>Kf"),
        ("a key frame that overflows is itself the new start", "KffffK", "<5>K"),
        ("too old: 3 s in the queue", "Kf3fK", "<3>K"),
        ("old but empty is not slow", "K.3ff", "ff"),
        ("a new initialisation segment survives the drop", "KfffifffKf", "<7>iKf"),
        ("only the newest initialisation segment survives", "iKffffiiK", "<5>iK"),
    ],
)
def test_it_drops_to_the_next_key_frame(name: str, offered: str, expected: str) -> None:
    """R5, R6."""
    backlog = Backlog(limit_bytes=500, limit_age_s=2.0)
    feed(backlog, offered)
    assert letters(backlog) == expected


def test_the_first_group_of_pictures_does_not_count_as_being_slow() -> None:
    backlog = Backlog(limit_bytes=500)
    backlog.join([init(), *(segment(n, n == 0) for n in range(20))], 0.0)
    feed(backlog, "ffff")
    assert letters(backlog) == "iK" + "f" * 23


def test_repeated_drops_leave_key_frames_only_and_say_so() -> None:
    backlog = Backlog(limit_bytes=250)
    feed(backlog, "KfffKffKffKf")
    assert backlog.mode is Mode.KEYS_ONLY
    items = []
    while (item := backlog.take()) is not None:
        items.append(item)
    assert isinstance(items[0], Dropped)
    assert items[0].code == "key_frames_only"
    assert [i.is_key for i in items if isinstance(i, Segment)] == [True]


def test_all_frames_come_back_after_a_while_without_drops() -> None:
    backlog = Backlog(limit_bytes=250)
    feed(backlog, "KfffKffKffK")
    letters(backlog)
    feed(backlog, "Kf", now=KEYS_ONLY_S + 1)
    assert backlog.mode is Mode.ALL
    assert letters(backlog) == "<0>Kf"


def test_it_counts_every_lost_frame_once() -> None:
    backlog = Backlog(limit_bytes=300)
    feed(backlog, "Kffff" * 10 + "K")
    kept = letters(backlog)
    assert backlog.dropped_frames + kept.count("K") + kept.count("f") == 51


@given(st.text(alphabet="Kffff.i1", max_size=200))
def test_what_comes_out_is_always_decodable(offered: str) -> None:
    """After a gap the next frame is a key frame, whatever happens."""
    backlog = Backlog(limit_bytes=500)
    feed(backlog, "iK" + offered)
    needs_key = True
    while (item := backlog.take()) is not None:
        if isinstance(item, Dropped):
            needs_key = needs_key or item.frames > 0
        elif item.is_key:
            needs_key = False
        elif not item.is_init and item is not None and "." not in offered:
            assert not needs_key


@given(st.text(alphabet="Kfff1", max_size=300))
def test_the_queue_stays_within_its_bound(offered: str) -> None:
    """R5."""
    backlog = Backlog(limit_bytes=1000)
    feed(backlog, offered)
    assert backlog.size_bytes <= 1000
