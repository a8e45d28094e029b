"""R8: a relay node is killed; recorder and viewers are back by themselves within 10 s."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.doors.relay import RelayDoor
from cmr.registration import Registration, RelayAccess
from protocol.fragments import SegmentReader
from protocol.tokens import Signer
from tests.cmr.conftest import RECORDER_ID, Token
from tests.cmr.doors.conftest import relay_pass, until
from tests.cmr.doors.test_web import bearer
from tests.services.process import free_ports

ROOT = Path(__file__).parents[3]
RETRY_S = 0.25  # of the viewer; browsers begin with as much


class Node:
    """A relay node that is a program of its own, always on the same port."""

    def __init__(self, keys: Path) -> None:
        self._keys = keys
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "contera.relay", "--port", str(self.port)],
            cwd=ROOT,
            env={**os.environ, "CONTERA_PORTAL_JWKS": str(self._keys)},
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """SIGKILL: nobody is told anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def node(tmp_path: Path, portal: Signer) -> Iterator[Node]:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [portal.jwk]}))
    made = Node(keys)
    made.start()
    yield made
    made.kill()


class Viewer:
    """Watches camera 1, and asks again whenever that ends. `frames` counts what it was shown."""

    def __init__(self, url: str, token: Token) -> None:
        self._url = f"{url}/relay/v1/recorders/{RECORDER_ID}/v1/cameras/1/live?profile=hd"
        self._token = token
        self.frames = 0

    async def run(self) -> None:
        async with aiohttp.ClientSession() as client:
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    await self._watch(client)
                await asyncio.sleep(RETRY_S)

    async def _watch(self, client: aiohttp.ClientSession) -> None:
        reader = SegmentReader()
        headers = bearer(self._token("live", now=int(time.time())))
        async with client.get(self._url, headers=headers) as answer:
            if answer.status == 200:
                async for data in answer.content.iter_any():
                    self.frames += len(reader.feed(data))


async def test_a_killed_node_is_survived(
    api: Api,
    registration: Registration,
    portal: Signer,
    node: Node,
    sending: Camera,
    token: Token,
) -> None:
    registration.set_relay(RelayAccess((node.url,), relay_pass(portal)))
    viewer = Viewer(node.url, token)
    async with asyncio.TaskGroup() as tasks:
        owned = [tasks.create_task(RelayDoor(api, registration).run())]
        owned.append(tasks.create_task(viewer.run()))
        await until(lambda: viewer.frames > 20, within_s=20)
        node.kill()
        killed = time.monotonic()
        node.start()
        seen = viewer.frames
        await until(lambda: viewer.frames > seen + 20, within_s=30)
        took_s = time.monotonic() - killed
        for task in owned:
            task.cancel()
    assert took_s < 10 + 5  # and what a busy machine takes to start a program
