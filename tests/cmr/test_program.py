"""The recorder as a program: real RTSP from a server that is not ours, a portal, a real relay."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import itertools
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest

from protocol.fragments import SegmentReader
from protocol.times import format_time, from_90k, parse_time
from protocol.tokens import AccessToken, Signer, sign_access_token
from tests.cmr.doors.conftest import Relay
from tests.cmr.doors.test_web import bearer
from tests.fakes.footage import footage
from tests.fakes.portal import RECORDER_ID, ScriptedPortal
from tests.services.process import free_ports
from tests.services.rtsp import rtsp_running
from tests.viewers.sealed import sealed_session

# Programs that start on a busy machine take their time.
pytestmark = pytest.mark.timeout(150)

PASSWORD = "geheim%24%28reboot%29"  # $(reboot) to a shell


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `film.mp4`: 20 s, 15 frames a second, a key frame each second."""
    folder = tmp_path_factory.mktemp("film")
    shots = footage(frames=300)
    with av.open(str(folder / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.extradata = shots.extradata
        for data, pts, is_key in zip(shots.frames, shots.times, shots.keys, strict=True):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 90_000)
            packet.pts = packet.dts = pts
            packet.is_keyframe = is_key
            container.mux(packet)
    return folder


@pytest.fixture(scope="module")
def rtsp(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a camera that works."""
    with rtsp_running(film, tmp_path_factory.mktemp("rtsp")) as server:
        yield server.url("film.mp4")


@dataclass
class Program:
    """A recorder's folder, and the program while it runs."""

    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def call(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of one command."""
        command = (sys.executable, "-m", "cmr", "--config", str(self.folder / "cmr.toml"))
        process = await asyncio.create_subprocess_exec(
            *command, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def start(self) -> None:
        command = (sys.executable, "-m", "cmr", "--config", str(self.folder / "cmr.toml"), "run")
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)

    async def end(self, number: signal.Signals) -> int:
        """Sends a signal; the exit code."""
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.send_signal(number)
        async with asyncio.timeout(6):
            return await self.process.wait()

    def status(self) -> dict[str, Any]:  # Any: JSON
        try:
            return json.loads((self.folder / "status.json").read_text())
        except FileNotFoundError:
            return {"cameras": []}

    def states(self) -> dict[str, str]:
        return {camera["name"]: camera["state"] for camera in self.status()["cameras"]}


def configure(folder: Path, port: int, addresses: dict[str, str]) -> None:
    text = f'[storage]\nmax_size = "1GB"\n[web]\nhost = "127.0.0.1"\nport = {port}\n'
    for number, (name, address) in enumerate(addresses.items(), 1):
        text += f'[[cameras]]\nnumber = {number}\nname = "{name}"\nhd = "{address}"\n'
    file = folder / "cmr.toml"
    file.write_text(text)
    file.chmod(0o600)


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    made = Program(tmp_path, free_ports(1)[0])
    yield made
    await made.end(signal.SIGKILL)


async def eventually(ask: Callable[[], Awaitable[object] | object], within_s: float = 45) -> Any:
    """The first true answer (Any: whatever was asked for)."""
    async with asyncio.timeout(within_s):
        while True:
            answer = ask()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.1)


def access(portal: Signer, *rights: str) -> dict[str, str]:
    grants = {1: frozenset(rights or ("live", "playback", "export"))}
    token = AccessToken("session", "user", "organisation", RECORDER_ID, 0, grants)
    return bearer(sign_access_token(portal, token, int(time.time())))


async def recorded_s(client: aiohttp.ClientSession, url: str, portal: Signer) -> float:
    """Seconds that camera 1 has recorded in the last hour."""
    now = time.time()
    start, end = (format_time(from_90k(int(t * 90_000))) for t in (now - 3600, now + 3600))
    target = f"{url}/v1/cameras/1/recordings?start={start}&end={end}"
    async with client.get(target, headers=access(portal)) as answer:
        runs = (await answer.json())["runs"] if answer.status == 200 else []
    times = [(parse_time(run["start"]), parse_time(run["end"])) for run in runs]
    return sum((end - start).total_seconds() for start, end in times)


async def test_from_a_code_to_video_that_survives_being_killed(
    program: Program, rtsp: str, portal: Signer
) -> None:
    """K5: what was recorded before kill -9 is there after the next start."""
    scripted, relay = ScriptedPortal(portal), Relay(portal)
    configure(program.folder, program.port, {"Door": rtsp})
    async with scripted.running(), relay.running(), aiohttp.ClientSession() as client:
        scripted.relay_urls = [relay.url]
        code, said = await program.call("enrol", "--portal", scripted.url, "--code", "GOOD-CODE")
        assert (code, "Registered as Gate of Harbour." in said) == (0, True), said
        await program.start()
        await eventually(lambda: relay.hub.is_linked(RECORDER_ID))

        await _watch(client, relay.viewer_url, portal)
        await _watch_directly(program, scripted)
        await eventually(lambda: _is_recorded(client, relay.viewer_url, portal, 4))
        assert await program.end(signal.SIGKILL) == -signal.SIGKILL
        killed_at = time.time()

        await program.start()
        await eventually(lambda: _is_recorded(client, program.web, portal, 2))
        await _check_clip(client, program.web, portal, killed_at)
        await _check_pieces(client, program.web, portal)
        await _check_stop(client, program, portal)
    assert scripted.heartbeats[0]["cameras"][0]["name"] == "Door"
    assert {"relay", "lan", "manual_nat", "p2p"} <= set(scripted.heartbeats[0]["capabilities"])
    assert scripted.heartbeats[0]["web"]["http_port"] == program.port
    assert program.log.rstrip().endswith("stopped")


async def _is_recorded(
    client: aiohttp.ClientSession, url: str, portal: Signer, least_s: float
) -> bool:
    try:
        return await recorded_s(client, url, portal) >= least_s
    except aiohttp.ClientConnectionError:
        return False  # not listening yet


async def _watch(client: aiohttp.ClientSession, url: str, portal: Signer) -> None:
    """Live video comes, and its times are the wall clock's."""

    async def is_streaming() -> bool:
        async with client.get(f"{url}/v1/cameras", headers=access(portal)) as answer:
            return '"streaming"' in await answer.text()

    await eventually(is_streaming)
    reader, segments = SegmentReader(), []
    target = f"{url}/v1/cameras/1/live?profile=hd"
    async with client.get(target, headers=access(portal)) as answer:
        while len(segments) < 20:
            segments += reader.feed(await answer.content.readany())
    assert abs(segments[-1].decode_time / 90_000 - time.time()) < 3


async def _watch_directly(program: Program, scripted: ScriptedPortal) -> None:
    """On a sealed socket, and once more from where the first stream is: the same bytes."""
    assert scripted.public_key is not None
    url = f"ws://127.0.0.1:{program.port}/v1/session"
    token = access(scripted.signer)["Authorization"].removeprefix("Bearer ")
    async with sealed_session(url, RECORDER_ID, scripted.public_key) as session:
        await session.renew(token)
        one = aiter(await session.open("/v1/cameras/1/live"))
        seen = [SegmentReader().feed(await anext(one))[0] for _ in range(20)]
        since = seen[-1].decode_time
        two = aiter(await session.open(f"/v1/cameras/1/live?since={since}"))
        init, key = [SegmentReader().feed(await anext(two))[0] for _ in range(2)]
        assert init.data == seen[0].data
        assert key.is_key
        assert key.data in [segment.data for segment in seen]
        assert since - 90_000 <= key.decode_time <= since


async def _check_clip(
    client: aiohttp.ClientSession, url: str, portal: Signer, killed_at: float
) -> None:
    """What was recorded before the kill is a file that plays, to within 2 s of it."""
    span = (killed_at - 60, killed_at)
    start, end = (format_time(from_90k(int(t * 90_000))) for t in span)
    target = f"{url}/v1/cameras/1/clip.mp4?start={start}&end={end}"
    async with client.get(target, headers=access(portal)) as answer:
        assert answer.status == 200
        ended_at = parse_time(answer.headers["Contera-End"]).timestamp()
        data = await answer.read()
    assert killed_at - ended_at < 2.5
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 30


async def _check_stop(client: aiohttp.ClientSession, program: Program, portal: Signer) -> None:
    """It stops in time also while somebody watches."""
    target = f"{program.web}/v1/cameras/1/live"
    async with client.get(target, headers=access(portal)) as watched:
        await watched.content.readany()
        began = time.monotonic()
        assert await program.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 5


async def _check_pieces(client: aiohttp.ClientSession, url: str, portal: Signer) -> None:
    """L4: two pieces, the second asked for from the end of the first: no frame twice or missing."""
    now = time.time()
    start, end = (format_time(from_90k(int(t * 90_000))) for t in (now - 3600, now))
    target = f"{url}/v1/cameras/1/recordings?start={start}&end={end}"
    async with client.get(target, headers=access(portal)) as answer:
        start = (await answer.json())["runs"][0]["start"]
    times: list[int] = []
    for _ in range(2):
        target = f"{url}/v1/cameras/1/video?start={start}&duration=1&profile=hd"
        async with client.get(target, headers=access(portal)) as answer:
            segments = SegmentReader().feed(await answer.read())
            start = answer.headers["Contera-End"]
        times += [segment.decode_time for segment in segments if not segment.is_init]
    assert len(times) >= 20
    assert all(0 < b - a < 20_000 for a, b in itertools.pairwise(times))


Serve = Callable[[bytes], bytes]


async def _camera(answer: Serve) -> tuple[asyncio.Server, int]:
    """A camera that answers each request as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def _unauthorized(request: bytes) -> bytes:
    number = re.search(rb"CSeq: (\d+)", request)
    assert number
    head = b"RTSP/1.0 401 Unauthorized\r\nCSeq: " + number[1]
    return head + b'\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n'


def _garbage(request: bytes) -> bytes:
    return hashlib.sha512(request).digest() * 50


async def test_faulty_cameras_say_what_is_wrong_and_leave_the_others_alone(
    program: Program, rtsp: str
) -> None:
    """K2, K4: no password anywhere but in the configuration."""
    locked, locked_port = await _camera(_unauthorized)
    garbage, garbage_port = await _camera(_garbage)
    dead_port = free_ports(1)[0]
    camera = f"rtsp://admin:{PASSWORD}@"
    addresses = {
        "good": rtsp,
        "unknown": f"{camera}camera.invalid/1",
        "refused": f"{camera}127.0.0.1:{dead_port}/1",
        "locked": f"{camera}127.0.0.1:{locked_port}/1",
        "garbage": f"{camera}127.0.0.1:{garbage_port}/1",
    }
    configure(program.folder, program.port, addresses)
    expected = {
        "good": "streaming",
        "unknown": "unreachable",
        "refused": "unreachable",
        "locked": "unauthorized",
        "garbage": "invalid_stream",
    }
    await program.start()
    # A resolver without a network may take half a minute to say that a name is unknown.
    await eventually(lambda: program.states() == expected, within_s=110)
    code, said = await program.call("status")
    assert (code, "good: streaming" in said) == (0, True)
    assert await program.end(signal.SIGINT) == 0
    locked.close()
    garbage.close()
    everything = program.log + said + json.dumps(program.status())
    assert "geheim" not in everything
    assert "reboot" not in everything


async def test_a_second_program_is_refused(program: Program) -> None:
    configure(program.folder, program.port, {})
    await program.start()
    await eventually(lambda: program.status().get("pid"))
    code, said = await program.call("run")
    assert code == 1
    assert "already runs" in said
    assert await program.end(signal.SIGTERM) == 0


async def test_a_taken_port_ends_it_with_a_sentence(program: Program) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", program.port)
    configure(program.folder, program.port, {})
    code, said = await program.call("run")
    server.close()
    assert code == 1
    assert f"cannot listen on 127.0.0.1 port {program.port}" in said
    assert "Traceback" not in said
