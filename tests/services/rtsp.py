"""An RTSP server that is not ours (aio-rtsp-toolkit). It plays each file in a circle, from its
beginning for each client, so the clock in our scenes is not true here. It has a thread for each
stream, six at most on two cores: more than that get nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.scenes import make_scenes
from tests.services.process import free_ports, listens, running

PROGRAM = Path(sys.executable).with_name("rtsp-server")
# Where `make demo` keeps them too: they are drawn once for each clone.
SCENES = Path(__file__).resolve().parents[2] / "var/scenes"


@dataclass(frozen=True)
class RtspServer:
    port: int

    def url(self, file: str) -> str:
        """The address of a file in the server's folder, such as `cam1-hd.mp4`."""
        return f"rtsp://127.0.0.1:{self.port}/{file}?play_count=0"


@contextlib.contextmanager
def rtsp_running(files: Path, folder: Path, port: int | None = None) -> Iterator[RtspServer]:
    """Serves `files`; its log goes into `folder`. Give `port` to start it again in its place."""
    first, control = free_ports(2)
    server = RtspServer(port or first)
    command = [str(PROGRAM), "--dir", str(files), "--host", "127.0.0.1"]
    command += ["--port", str(server.port), "--control-port", str(control)]
    with running(command, folder / "rtsp-server.log", lambda: listens(server.port)):
        yield server


@pytest.fixture(scope="session")
def scene_files() -> Path:
    """The folder with the sample scenes: `cam1-hd.mp4`, `cam1-sd.mp4`, and so on."""
    make_scenes(SCENES, lambda part: None)
    return SCENES


@pytest.fixture(scope="session")
def foreign_rtsp(
    scene_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RtspServer]:
    with rtsp_running(scene_files, tmp_path_factory.mktemp("rtsp")) as server:
        yield server
