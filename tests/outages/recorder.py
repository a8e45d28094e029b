"""A real recorder at an installation, and somebody who watches it through the relay."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.outages.installation import START_S, Installation, wait_until
from tests.services.process import free_ports, running
from tests.services.rtsp import RtspServer

LIVE = "/relay/v1/recorders/{}/v1/cameras/1/live?profile=sd"


@dataclass
class Recorder:
    folder: Path
    recorder_id: str
    camera_password: str

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@contextlib.contextmanager
def recorder_running(
    portal: Installation, rtsp: RtspServer, folder: Path, camera_password: str = "camera"
) -> Iterator[Recorder]:
    """Registered at the portal by its administrator, and streaming."""
    folder.mkdir(mode=0o700)
    config = folder / "cmr.toml"
    address = rtsp.url("cam1-{}.mp4").replace("rtsp://", f"rtsp://cctv:{camera_password}@")
    config.write_text(
        f'[web]\nhost = "127.0.0.1"\nport = {free_ports(1)[0]}\n'
        "https_port = 0\nstreaming_port = 0\n"
        '[storage]\nmax_size = "1GB"\n[[cameras]]\nnumber = 1\nname = "Gate"\n'
        f'hd = "{address.format("hd")}"\nsd = "{address.format("sd")}"\n'
    )
    config.chmod(0o600)
    code = portal.api("registration-codes/", {"name": "Gate"}).json["code"]
    program = [sys.executable, "-m", "cmr", "--config", str(config)]
    enrol = [*program, "enrol", "--portal", portal.url, "--code", code]
    subprocess.run(enrol, check=True, timeout=60, capture_output=True)
    recorder_id = json.loads((folder / "identity.json").read_text())["recorder_id"]
    with running([*program, "run"], folder / "log", lambda: True):
        wait_until(lambda: is_streaming(portal, recorder_id), START_S)
        yield Recorder(folder, recorder_id, camera_password)


def is_streaming(portal: Installation, recorder_id: str) -> bool:
    found = portal.api(f"recorders/{recorder_id}/cameras/")
    cameras = found.json.get("results", []) if isinstance(found.json, dict) else found.json
    return bool(cameras) and all(camera.get("state") == "streaming" for camera in cameras)


@dataclass
class Watcher:
    """Counts the bytes of live video that come through the relay."""

    portal: Installation
    recorder_id: str
    received: int = 0
    ended: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        token = self.portal.api(f"recorders/{self.recorder_id}/session/", {}).json["token"]
        line = http.client.HTTPConnection("127.0.0.1", self.portal.port, timeout=10)
        with contextlib.closing(line):
            headers = {"Authorization": f"Bearer {token}"}
            line.request("GET", LIVE.format(self.recorder_id), headers=headers)
            answer = line.getresponse()
            while not self._stop.is_set() and (piece := answer.read1(65_536)):
                self.received += len(piece)
        self.ended = True

    def stop(self) -> None:
        self._stop.set()

    def goes_on(self, within_s: float = 5.0) -> bool:
        """Whether more video comes, from two looks."""
        for _ in range(2):
            before, deadline = self.received, time.monotonic() + within_s
            while self.received == before:
                if self.ended or time.monotonic() > deadline:
                    return False
                time.sleep(0.05)
        return True


@contextlib.contextmanager
def watching(portal: Installation, recorder_id: str) -> Iterator[Watcher]:
    watcher = Watcher(portal, recorder_id)
    thread = threading.Thread(target=watcher.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: watcher.received > 0)
        yield watcher
    finally:
        watcher.stop()
        thread.join(15)
