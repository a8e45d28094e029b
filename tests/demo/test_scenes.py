"""The sample scenes show the true time, to people and to programs."""

from itertools import islice
from pathlib import Path

import av
import pytest
from PIL import ImageChops

from demo import scenes
from demo.overlay import FPS, LOOP_FRAMES, burn_in, clock, frame_number, name_plate
from demo.places import PLACES, Place


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: place.__name__)
def place(request) -> Place:
    return request.param()


def test_the_minute_closes_without_a_jump(place: Place) -> None:
    assert ImageChops.difference(place.picture(0), place.picture(60)).getbbox() is None


def test_something_moves_within_every_ten_seconds(place: Place) -> None:
    for second in range(0, 60, 10):
        seen = [place.picture(second + part) for part in (0, 2.1, 4.3, 6.7, 8.9)]
        assert any(ImageChops.difference(seen[0], later).getbbox() for later in seen[1:])


@pytest.mark.parametrize("frame", [0, 1, 341, 682, LOOP_FRAMES - 1])
def test_the_frame_number_can_be_read_from_the_pixels(place: Place, frame: int) -> None:
    picture = place.picture(frame / FPS)
    burn_in(picture, name_plate(place.name), frame)
    assert frame_number(picture) == frame
    assert frame_number(picture.resize((640, 360))) == frame


def test_the_clock_differs_between_any_two_frames() -> None:
    pictures = {clock(frame).tobytes() for frame in range(0, LOOP_FRAMES, 7)}
    assert len(pictures) == len(range(0, LOOP_FRAMES, 7))


@pytest.fixture(scope="module")
def two_seconds(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "cam1-sd.mp4"
    writer = scenes.Writer(path, scenes.SD)
    for number, picture in enumerate(islice(scenes._pictures(PLACES[0]()), 2 * FPS)):
        writer.write(picture, number)
    writer.close()
    return path


def test_every_fifteenth_frame_is_a_key_frame_and_none_is_reordered(two_seconds: Path) -> None:
    with av.open(str(two_seconds)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    assert [p.pts for p in packets] == [p.dts for p in packets]
    assert [n for n, p in enumerate(packets) if p.is_keyframe] == [0, 15]


def test_the_frame_number_survives_sd_encoding(two_seconds: Path) -> None:
    with av.open(str(two_seconds)) as container:
        numbers = [frame_number(frame.to_image()) for frame in container.decode(video=0)]
    assert numbers == list(range(2 * FPS))


def test_scenes_are_made_again_when_the_drawing_changed(tmp_path, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(scenes, "_draw_all", lambda made, report: drawn.append(len(made)))
    for version in ("one", "one", "two"):
        monkeypatch.setattr(scenes, "_version", lambda version=version: version)
        scenes.make_scenes(tmp_path, lambda part: None)
    assert drawn == [len(PLACES), len(PLACES)]
