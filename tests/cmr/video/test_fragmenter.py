"""From packets to fragments: whatever a camera does, times go forward."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmr.video.clock import Arrival
from cmr.video.fragmenter import Fragmenter, Packet
from cmr.video.h264 import H264Error
from protocol.fragments import Segment
from tests.fakes.footage import Footage, footage
from tests.fakes.segments import NOON, segments

FRAME = 6_000
HOUR = 3_600 * 90_000


class CameraFilm:
    """A film that goes on and on, into a fragmenter; time is what the test says."""

    def __init__(self, film: Footage | None = None, not_before_90k: int = 0) -> None:
        self.film = film or footage()
        self.fragmenter = Fragmenter(self.film.extradata, not_before_90k)
        self.number = 0
        self.wall = NOON
        self.steady = 5 * HOUR
        self.pts_offset = 0

    def play(self, frames: int, late_90k: int = 0) -> list[Segment]:
        made = []
        for _ in range(frames):
            round_, index = divmod(self.number, len(self.film.frames))
            pts = self.film.times[index] + round_ * len(self.film.frames) * FRAME + self.pts_offset
            arrival = Arrival(self.wall + late_90k, self.steady + late_90k)
            packet = Packet(self.film.frames[index], pts, self.film.keys[index], arrival)
            made += self.fragmenter.push(packet)
            self.number += 1
            self.wall += FRAME
            self.steady += FRAME
        return made


def runs_of(made: list[Segment]) -> list[list[int]]:
    """Decode times by run."""
    runs: list[list[int]] = []
    for segment in made:
        if segment.is_init:
            runs.append([])
        else:
            runs[-1].append(segment.decode_time)
    return runs


def test_frames_get_the_time_at_which_they_came() -> None:
    (times,) = runs_of(CameraFilm().play(60))
    assert times == [NOON + FRAME * n for n in range(60)]


def test_frames_that_waited_in_a_library_get_their_own_time() -> None:
    """What was read while the stream was probed comes in one heap, but was not taken in one."""
    film = CameraFilm()
    made = []
    for index in range(8):
        packet = Packet(
            film.film.frames[index], film.film.times[index], film.film.keys[index],
            Arrival(NOON + 7 * FRAME, 7 * FRAME),
        )  # fmt: skip
        made += film.fragmenter.push(packet)
    assert made == []
    film.number, film.wall, film.steady = 8, NOON + 8 * FRAME, 8 * FRAME
    (times,) = runs_of(film.play(2))
    assert times == [NOON + FRAME * n for n in range(10)]


def test_it_waits_for_a_key_frame() -> None:
    film = CameraFilm()
    film.number = 5
    made = film.play(30)
    assert [made[0].is_init, made[1].is_key] == [True, True]
    assert film.fragmenter.dropped_frames == 10


def test_late_frames_keep_even_times() -> None:
    film = CameraFilm()
    made = film.play(20) + film.play(30, late_90k=100_000) + film.play(20)
    (times,) = runs_of(made)
    assert {b - a for a, b in pairwise(times)} == {FRAME}


@pytest.mark.parametrize(
    ("name", "jump"),
    [("forward", HOUR), ("back", -HOUR), ("wrap of 32 bits", -(2**32)), ("a little back", -50_000)],
)
def test_a_jump_of_the_cameras_clock_begins_a_new_run(name: str, jump: int) -> None:
    """K2: RTP wraps and jumps."""
    film = CameraFilm()
    made = film.play(20)
    film.pts_offset = jump
    before, after = runs_of(made + film.play(40))
    assert before[-1] < after[0]
    assert after[0] == NOON + 30 * FRAME  # the next key frame, at its true time


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_step_of_our_clock_loses_and_doubles_nothing(step_s: int) -> None:
    """K7: the run goes on to its next key frame; there the new time begins."""
    film = CameraFilm()
    made = film.play(20)
    film.wall += step_s * 90_000
    before, after = runs_of(made + film.play(40))
    assert len(before) + len(after) == 60
    assert before == [NOON + FRAME * n for n in range(30)]
    assert after[0] == NOON + 30 * FRAME + step_s * 90_000


def test_it_follows_a_slow_drift_without_a_new_run() -> None:
    film = CameraFilm()
    made = []
    for _ in range(60):
        made += film.play(30)
        film.wall += 20  # the camera's crystal is 110 ppm slow
        film.steady += 20
    (times,) = runs_of(made)
    assert abs(times[-1] + FRAME - film.wall) < 2_000
    assert all(abs(b - a - FRAME) <= 7 for a, b in pairwise(times))


def test_another_resolution_begins_a_new_run() -> None:
    """K2: SPS change."""
    film = CameraFilm()
    made = film.play(30)
    film.film = footage(width=640, height=360)
    made += film.play(30)
    inits = [segment.data for segment in made if segment.is_init]
    assert len(inits) == 2
    assert inits[0] != inits[1]


def test_the_same_parameter_sets_again_change_nothing() -> None:
    assert sum(segment.is_init for segment in segments(seconds=10)) == 1


def test_b_frames_are_decoded_in_order_and_shown_in_theirs() -> None:
    (times,) = runs_of(CameraFilm(footage(b_frames=2)).play(60))
    assert len(times) == 60
    assert all(a < b for a, b in pairwise(times))


def test_a_new_connection_does_not_overlap_the_last() -> None:
    end = NOON + 20_000
    (times,) = runs_of(CameraFilm(not_before_90k=end).play(30))
    assert times[0] == end


def test_two_pictures_of_one_time_both_stay() -> None:
    film = CameraFilm()
    made = film.play(16)
    film.pts_offset = -FRAME
    (times,) = runs_of(made + film.play(5))
    assert len(times) == 21
    assert all(a < b for a, b in pairwise(times))


Steps = st.lists(
    st.tuples(st.integers(-200_000, 200_000), st.integers(0, 1_000_000), st.integers(-HOUR, HOUR)),
    max_size=60,
)


@settings(max_examples=50, deadline=None)
@given(Steps, st.integers(0, 2))
def test_no_run_ever_goes_back(steps: list[tuple[int, int, int]], b_frames: int) -> None:
    """K2: no overlap, no crash, whatever the clocks do."""
    film = footage(b_frames=b_frames)
    fragmenter = Fragmenter(film.extradata)
    pts = steady = 0
    made: list[Segment] = []
    for index, (pts_step, passed, clock_step) in enumerate(steps):
        at = index % len(film.frames)
        pts, steady = pts + pts_step, steady + passed
        wall = NOON + steady + (clock_step if index % 7 == 0 else 0)
        made += fragmenter.push(
            Packet(film.frames[at], pts + film.times[at], film.keys[at], Arrival(wall, steady))
        )
    for run in runs_of(made):
        assert all(a < b for a, b in pairwise(run))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.lists(st.binary(max_size=60), max_size=20))
def test_garbage_is_an_error_by_type(extradata: bytes, packets: list[bytes]) -> None:
    try:
        fragmenter = Fragmenter(extradata)
        for number, data in enumerate(packets):
            at = Arrival(NOON + number * FRAME, number * FRAME)
            fragmenter.push(Packet(b"\0\0\1" + data, number * FRAME, True, at))
    except H264Error:
        return
