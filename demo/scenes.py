"""The sample scenes: a minute of H.264 for each camera, in HD and SD, made once.

A minute begins at a full minute of the clock that is burnt in, so a server that plays the position
`wall clock mod 60 s` shows the true time (`demo.overlay` tells how a program reads it from pixels).
15 frames a second, a key frame each second, no B-frames: what most cameras are set to.
"""

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from demo.orphans import end_with
from demo.overlay import FPS, LOOP_FRAMES, burn_in, name_plate
from demo.places import PLACES, Place

VERSION_FILE = "version"
REPORT_EVERY_S = 0.2


@dataclass(frozen=True)
class Profile:
    """One of the two streams of a camera."""

    name: str
    width: int
    height: int
    bit_rate: int


HD = Profile("hd", 1280, 720, 2_000_000)
SD = Profile("sd", 640, 360, 500_000)
PROFILES = (HD, SD)


@dataclass(frozen=True)
class Scene:
    """One camera's minute on disk."""

    camera: int
    name: str
    folder: Path

    def file(self, profile: Profile) -> Path:
        return self.folder / f"cam{self.camera}-{profile.name}.mp4"


Report = Callable[[float], None]
# (The class can be subscripted in the types' stubs alone.)
Counts: TypeAlias = "SynchronizedArray[int]"

# In a drawing process: the frames done of each scene, shared with the process that reports.
frames_drawn: list[Counts] = []


def scenes(folder: Path) -> list[Scene]:
    """The scenes that `make_scenes` keeps in this folder."""
    return [Scene(number, place.name, folder) for number, place in enumerate(PLACES, 1)]


def make_scenes(folder: Path, report: Report) -> list[Scene]:
    """Make the scenes unless they are there already; `report` gets the part done, 0 to 1."""
    folder.mkdir(parents=True, exist_ok=True)
    made = scenes(folder)
    if not are_made(folder):
        (folder / VERSION_FILE).unlink(missing_ok=True)
        _draw_all(made, report)
        (folder / VERSION_FILE).write_text(_version())
    return made


def are_made(folder: Path) -> bool:
    """Whether this folder has the scenes as they are drawn today."""
    mark = folder / VERSION_FILE
    return mark.exists() and mark.read_text() == _version()


def _version() -> str:
    """Changes whenever the drawing changes, so that old scenes are made again."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in (here / "paint.py", here / "overlay.py", *sorted(here.glob("places/*.py"))):
        digest.update(path.read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


def _draw_all(made: list[Scene], report: Report) -> None:
    # "spawn": the caller may have threads, which a forked child would inherit half-dead.
    context = multiprocessing.get_context("spawn")
    counts = context.Array("i", len(made))
    begin = partial(_begin_worker, os.getpid(), counts)
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=begin) as pool:
        jobs = [pool.submit(_draw, scene, index) for index, scene in enumerate(made)]
        try:
            _watch(jobs, counts, report)
        finally:
            pool.shutdown(cancel_futures=True)
    for job in jobs:
        job.result()


def _watch(jobs: list[Future[None]], counts: Counts, report: Report) -> None:
    """Report progress until all is drawn or something failed."""
    pending = True
    while pending and not any(job.done() and job.exception() for job in jobs):
        pending = bool(wait(jobs, REPORT_EVERY_S).not_done)
        report(sum(counts[:]) / (LOOP_FRAMES * len(jobs)))


def _begin_worker(parent: int, counts: Counts) -> None:
    end_with(parent)
    frames_drawn.append(counts)


def _draw(scene: Scene, index: int) -> None:
    """Draw one camera's minute and encode both profiles of it."""
    place = PLACES[scene.camera - 1]()
    writers = [Writer(scene.file(profile), profile) for profile in PROFILES]
    grain = _Grain()
    for number, picture in enumerate(_pictures(place)):
        grain.add(picture)
        for writer in writers:
            writer.write(picture, number)
        frames_drawn[0][index] = number + 1
    for writer in writers:
        writer.close()


def _pictures(place: Place) -> Iterator[av.VideoFrame]:
    plate = name_plate(place.name)
    reformatter = VideoReformatter()
    for number in range(LOOP_FRAMES):
        picture = place.picture(number / FPS)
        burn_in(picture, plate, number)
        # BT.601 colours: swscale has a fast way to them, and takes three times as long to BT.709.
        # (from_image is written without types in PyAV.)
        frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
        yield reformatter.reformat(
            frame, format="yuv420p", interpolation=Interpolation.FAST_BILINEAR
        )


class _Grain:
    """The noise of a sensor. Without it the drawings need a tenth of a real camera's bit rate."""

    def __init__(self) -> None:
        dice = np.random.default_rng(1)
        noise = dice.normal(0, 1.6, (8, HD.height, HD.width)).clip(-8, 8).round()
        # Luma is 16 to 235, so adding a small signed number never wraps round.
        self.sheets = noise.astype(np.int8).view(np.uint8)
        self.turn = 0

    def add(self, picture: av.VideoFrame) -> None:
        luma = picture.planes[0]
        pixels = np.frombuffer(memoryview(luma), np.uint8).reshape(luma.height, luma.line_size)
        self.turn += 1
        pixels[:, : luma.width] += self.sheets[self.turn % len(self.sheets)]


class Writer:
    """Encodes one profile into an MP4 file, which appears under its name only when complete."""

    def __init__(self, path: Path, profile: Profile) -> None:
        self.path, self.profile = path, profile
        self.reformatter = VideoReformatter()
        self.unfinished = path.with_suffix(".part")
        self.container = av.open(str(self.unfinished), "w", format="mp4")
        self.stream: VideoStream = self.container.add_stream(
            "libx264", rate=FPS, options=_options(profile)
        )
        self.stream.width, self.stream.height = profile.width, profile.height
        self.stream.pix_fmt = "yuv420p"
        self.stream.bit_rate = profile.bit_rate
        self.stream.time_base = Fraction(1, FPS)
        self.stream.codec_context.thread_count = 1

    def write(self, picture: av.VideoFrame, number: int) -> None:
        frame = self.reformatter.reformat(
            picture, self.profile.width, self.profile.height, interpolation=Interpolation.AREA
        )
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        frame.pict_type = PictureType.NONE
        self.container.mux(self.stream.encode(frame))

    def close(self) -> None:
        self.container.mux(self.stream.encode(None))
        self.container.close()
        self.unfinished.rename(self.path)


def _options(profile: Profile) -> dict[str, str]:
    kbps = profile.bit_rate // 1000
    return {
        "preset": "superfast",
        "profile": "main",
        "tune": "zerolatency",
        "g": str(FPS),
        "keyint_min": str(FPS),
        "sc_threshold": "0",
        "bf": "0",
        "maxrate": f"{kbps}k",
        # Half a second: a key frame must not make the stream burst as a camera's never would.
        "bufsize": f"{kbps // 2}k",
        "x264-params": "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m",
    }


def main() -> None:
    """`python -m demo.scenes FOLDER`: writes the part done, 0 to 1, a line each."""
    make_scenes(Path(sys.argv[1]), lambda part: print(f"{part:.2f}", flush=True))


if __name__ == "__main__":
    main()
