"""The recorder's CPU per camera, beside `ffmpeg -c copy` that cuts the same streams into files.

Both read the sample cameras (HD 2 Mbps and SD 500 kbps each) at the same time for the same time.
ffmpeg only copies to files; the recorder also makes a fragment per frame for live viewers, indexes
groups of pictures, and syncs to the disk each second. Its doors are not part of this.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.programs import Program, free_port, started, wait_for_port
from cmr.archive.writer import ArchiveWriter
from cmr.cameras.camera import Camera
from demo.scenes import make_scenes, scenes

SCENES = Path(__file__).resolve().parents[1] / "var/scenes"  # those of `make demo`
CAMERAS = 8
SETTLE_S = 8.0
SECONDS = 20.0
PASSWORD = "benchmark"  # noqa: S105  of cameras on loopback that end with this program


def run() -> dict[str, object]:
    """CPU per camera, per cent of one core; `ratio` is recorder to ffmpeg."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise RuntimeError("ffmpeg is missing: apt-get install ffmpeg")
    make_scenes(SCENES, lambda _: None)
    port = free_port()
    serve = [sys.executable, "-m", "demo.cameras", "--scenes", str(SCENES), "--port", str(port)]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(started(serve, CONTERA_CAMERA_PASSWORD=PASSWORD))
        wait_for_port(port)
        copiers = [
            stack.enter_context(started(_copier(ffmpeg, port, number, folder)))
            for number in range(1, CAMERAS + 1)
        ]
        recorder = [sys.executable, "-m", "bench.recorder_cpu", str(port), str(folder / "archive")]
        ours = stack.enter_context(started(recorder))
        time.sleep(SETTLE_S)
        before = _cpu_s([ours]), _cpu_s(copiers)
        time.sleep(SECONDS)
        used = _cpu_s([ours]) - before[0], _cpu_s(copiers) - before[1]
        _check(folder)
        rows = [_row("recorder", used[0], [ours]), _row("ffmpeg -c copy", used[1], copiers)]
    return {"rows": rows, "ratio": round(used[0] / used[1], 2), "cameras": CAMERAS}


def _check(folder: Path) -> None:
    """Both wrote every stream, or the comparison says nothing."""
    for name, pattern in (("recorder", "archive/*/*/*.mp4"), ("ffmpeg", "*-000.mp4")):
        files = len(list(folder.glob(pattern)))
        if files < 2 * CAMERAS:
            raise RuntimeError(f"{name} wrote {files} of {2 * CAMERAS} streams")


def _cpu_s(programs: list[Program]) -> float:
    return sum(program.cpu_s for program in programs)


def _row(name: str, cpu_s: float, programs: list[Program]) -> dict[str, object]:
    memory = sum(program.rss_bytes for program in programs)
    return {
        "program": name,
        "processes": len(programs),
        "cpu_per_camera_%": round(cpu_s / SECONDS / CAMERAS * 100, 2),
        "memory_per_camera_MiB": round(memory / CAMERAS / 2**20, 1),
    }


def _addresses(port: int, number: int) -> dict[str, str]:
    """Cameras beyond the scenes there are show one of them again."""
    scene = (number - 1) % len(scenes(SCENES)) + 1
    base = f"rtsp://camera:{PASSWORD}@127.0.0.1:{port}/cam{scene}"
    return {profile: f"{base}/{profile}" for profile in ("hd", "sd")}


def _copier(ffmpeg: str, port: int, number: int, folder: Path) -> list[str]:
    """One process per camera: both profiles, ten minutes a file."""
    command = [ffmpeg, "-v", "error", "-nostdin"]
    for address in _addresses(port, number).values():
        command += ["-rtsp_transport", "tcp", "-i", address]
    for index, profile in enumerate(("hd", "sd")):
        file = folder / f"{number}-{profile}-%03d.mp4"
        command += ["-map", f"{index}:v", "-c", "copy", "-f", "segment", "-segment_time", "600"]
        command += ["-segment_format_options", "movflags=+frag_keyframe+empty_moov", str(file)]
    return command


async def _record(port: int, folder: Path) -> None:
    """The recorder without its doors, until the benchmark ends it."""
    writer = ArchiveWriter(folder, 10**10)
    writer.start()
    async with asyncio.TaskGroup() as group:
        for number in range(1, CAMERAS + 1):
            camera = Camera(number, f"Camera {number}", _addresses(port, number), writer)
            group.create_task(camera.run())


if __name__ == "__main__":
    asyncio.run(_record(int(sys.argv[1]), Path(sys.argv[2])))
