"""The stand-alone node as a program of its own: real sockets, real memory, real signals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from contera.listening import Tls, listen
from contera.relay_asgi import build_application
from protocol.http_message import RESPONSE_TYPE
from tests.fakes.certificate import self_signed
from tests.relay.cast import (
    BOOT,
    INIT,
    LIVE_HEAD,
    RECORDER,
    SIGNER,
    access_token,
    frame,
    relay_pass,
)
from tests.relay.real import now, stalled_socket

ROOT = Path(__file__).parents[2]
FRAME_BYTES = 10_000


@dataclass(frozen=True)
class Node:
    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/relay/v1"

    @property
    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path) as made:
        yield made


@contextlib.contextmanager
def running_node(folder: Path, *options: str) -> Iterator[Node]:
    keys = folder / "jwks.json"
    keys.write_text(json.dumps({"keys": [SIGNER.jwk]}))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "contera.relay", "--port", str(port), *options],
        cwd=ROOT,
        env={**os.environ, "CONTERA_PORTAL_JWKS": str(keys)},
        stderr=subprocess.PIPE,
    )
    try:
        yield Node(process, port)
    finally:
        process.kill()
        process.communicate()


@contextlib.asynccontextmanager
async def upload(node: Node, frames: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """A recorder that answers the first request with these bytes."""
    told = {"Authorization": f"Bearer {relay_pass(now())}", "Contera-Boot": BOOT}
    async with aiohttp.ClientSession(headers=told) as client, asyncio.TaskGroup() as tasks:
        await linked(node, client)

        async def serve() -> None:
            async with client.get(f"{node.url}/next") as polled:
                exchange = polled.headers["Exchange-Id"]
            url = f"{node.url}/exchanges/{exchange}"
            kind = {"Content-Type": RESPONSE_TYPE}
            with contextlib.suppress(aiohttp.ClientError):
                async with client.post(url, data=frames, headers=kind):
                    pass

        async def stay() -> None:
            with contextlib.suppress(aiohttp.ClientError):  # the node was stopped
                while True:
                    async with client.get(f"{node.url}/next"):
                        pass

        owned = [tasks.create_task(serve())]
        await asyncio.sleep(0.1)  # its poll has arrived, and is answered first
        owned.append(tasks.create_task(stay()))
        yield
        for task in owned:
            task.cancel()


async def linked(node: Node, client: aiohttp.ClientSession) -> None:
    """The node listens."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with client.get(f"{node.url}/nothing"):
                    return
            await asyncio.sleep(0.05)


async def fast_frames(count: int) -> AsyncIterator[bytes]:
    yield LIVE_HEAD
    yield INIT
    for number in range(count):
        await asyncio.sleep(0.005)
        yield frame(number, number % 15 == 0, size=FRAME_BYTES)


def live_request() -> bytes:
    return (
        f"GET /relay/v1/recorders/{RECORDER}/v1/cameras/1/live?profile=hd HTTP/1.1\r\n"
        f"Host: x\r\nAuthorization: Bearer {access_token(now())}\r\n\r\n"
    ).encode()


async def count_frames(node: Node, client: aiohttp.ClientSession) -> int:
    """How many frames a reading viewer gets until the stream breaks off."""
    url = f"{node.url}/recorders/{RECORDER}/v1/cameras/1/live?profile=hd"
    headers = {"Authorization": f"Bearer {access_token(now())}"}
    data = bytearray()
    async with client.get(url, headers=headers) as got:
        with contextlib.suppress(aiohttp.ClientError):
            async for chunk in got.content.iter_any():
                data += chunk
    return data.count(b"tfdt")


async def test_a_viewer_that_stops_reading_costs_nothing_but_its_two_mebibytes(node: Node) -> None:
    """R5: nine others lose no frame of 10 MB; the node grows by less than a viewer may cost."""
    count = 1000
    async with upload(node, fast_frames(count)), aiohttp.ClientSession() as client:
        nine = [asyncio.create_task(count_frames(node, client)) for _ in range(9)]
        await asyncio.sleep(2)
        before = node.rss_bytes
        with contextlib.closing(stalled_socket(node.port, live_request())):
            frames = await asyncio.gather(*nine)
            grown = node.rss_bytes - before
    assert frames == [count] * 9
    assert grown < 1.5 * 2**20  # and 0.5 MiB in the kernel: SO_SNDBUF


async def test_sigterm_stops_it_cleanly_while_people_watch(node: Node) -> None:
    """R8."""
    async with upload(node, fast_frames(2000)), aiohttp.ClientSession() as client:
        viewer = asyncio.create_task(count_frames(node, client))
        await asyncio.sleep(0.5)
        node.process.send_signal(signal.SIGTERM)
        assert await viewer > 0
        assert await asyncio.to_thread(node.process.wait, 10) == 0


async def test_a_node_may_have_a_certificate_of_its_own(tmp_path: Path) -> None:
    """R14: `bench/relay_idle.py` measures what its idle connections take."""
    with running_node(tmp_path, "--certificate", str(self_signed(tmp_path))) as node:
        async with aiohttp.ClientSession() as client, asyncio.timeout(20):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    url = f"https://127.0.0.1:{node.port}/relay/v1/next"
                    async with client.get(url, ssl=False) as answer:
                        assert answer.status == 401
                        return
                await asyncio.sleep(0.05)


def test_the_node_has_no_django() -> None:
    code = "import sys, contera.relay; print({m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "'streaming'" in loaded
    assert "'django'" not in loaded
    assert "'celery'" not in loaded


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (None, "CONTERA_PORTAL_JWKS is not set"),
        ("/nowhere", "CONTERA_PORTAL_JWKS: /nowhere: No such file"),
        ("{}", "CONTERA_PORTAL_JWKS: {}: No such file"),
        (__file__, "holds no keys of a portal"),
        ("http://127.0.0.1:1/jwks.json", "http://127.0.0.1:1/jwks.json: "),
        ("http://portal.example/jwks.json", "must be https"),
    ],
)
def test_a_wrong_configuration_is_said_in_words(keys: str | None, said: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "CONTERA_PORTAL_JWKS"}
    if keys is not None:
        environment["CONTERA_PORTAL_JWKS"] = keys
    done = subprocess.run(
        [sys.executable, "-m", "contera.relay", "--port", "0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CONTERA_PORTAL_ORIGINS", "portal.example", "must be like https://portal.example.com"),
        ("CONTERA_RELAY_KEY_FILE", __file__, f"CONTERA_RELAY_KEY_FILE: {__file__}: "),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [SIGNER.jwk]}))
    monkeypatch.setenv("CONTERA_PORTAL_JWKS", str(keys))
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=re.escape(said)):
        build_application()


def test_files_that_are_no_certificate_are_named() -> None:
    with pytest.raises(ValueError, match="/nowhere: No such file"):
        Tls(Path("/nowhere")).check()
    with pytest.raises(ValueError, match=r"test_node\.py: "):
        Tls(Path(__file__)).check()


def test_a_port_that_is_none_is_said_in_words() -> None:
    with pytest.raises(OSError, match="a port is 0 to 65535, not 99999"):
        listen("127.0.0.1", 99999)
