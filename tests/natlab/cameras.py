"""The demo's camera program on several machines at once: one process, a thread for each machine.

    CONTERA_CAMERA_PASSWORD=… python -m tests.natlab.cameras --scenes FOLDER NAMESPACE…

Prints `ready` once all of them listen.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
import time
from pathlib import Path

from demo.cameras import USER, CameraServer, Track
from demo.minute import Minute
from demo.scenes import SD, scenes
from tests.natlab.namespaces import NAMESPACES, enter
from tests.services.process import listens

PORT = 554
START_S = 20.0


def address(host: str, password: str) -> str:
    """The small picture: what is measured is how long it takes to arrive, not how large it is."""
    return f"rtsp://{USER}:{password}@{host}:{PORT}/cam1/sd"


def _serve(namespace: str, minute: Minute, password: str) -> None:
    enter(NAMESPACES / namespace)
    track = Track("Gate", minute, SD.bit_rate // 1000)
    asyncio.run(CameraServer({"/cam1/sd": track}, password).run("0.0.0.0", PORT))


def _wait_until_it_listens(namespace: str) -> None:
    enter(NAMESPACES / namespace)
    deadline = time.monotonic() + START_S
    while not listens(PORT) and time.monotonic() < deadline:
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("namespaces", nargs="+")
    options = parser.parse_args()
    minute = Minute.load(scenes(options.scenes)[0].file(SD))
    password = os.environ["CONTERA_CAMERA_PASSWORD"]
    for name in options.namespaces:
        server = threading.Thread(target=_serve, args=(name, minute, password), daemon=True)
        server.start()
        waiting = threading.Thread(target=_wait_until_it_listens, args=(name,))
        waiting.start()
        waiting.join()
    print("ready", flush=True)
    server.join()


if __name__ == "__main__":
    main()
