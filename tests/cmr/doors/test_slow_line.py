"""R6: on a line that is too slow, live video stays live."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from cmr.api.live import OpenStreams
from cmr.cameras.camera import Camera
from cmr.doors.answer import Answer, answer_to
from cmr.doors.sockets import below_tls, prepare_for_body
from protocol.fragments import Segment, SegmentReader
from protocol.http_message import ResponseReader
from tests.fakes.certificate import self_signed

FRAME_BYTES = 10_000
FPS = 25  # 2 Mbps
LINE_BYTES_PER_S = 62_500  # 0.5 Mbps
GROUP = 10


def frame(number: int) -> Segment:
    """A fragment as large as told, whose decode time is now."""
    now_90k = int(time.time() * 90_000)
    tfdt = struct.pack("!I4sIQ", 20, b"tfdt", 1 << 24, now_90k)
    is_key = number % GROUP == 0
    boxes = [_box(b"moof", tfdt), _box(b"mdat", bytes(FRAME_BYTES))]
    data = b"".join([_box(b"prft", bytes(16)), *boxes] if is_key else boxes)
    return Segment(data, is_init=False, is_key=is_key, decode_time=now_90k)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack("!I4s", 8 + len(content), kind) + content


class SlowRelay:
    """Reads an answer at LINE_BYTES_PER_S and notes how old each frame is when it has come."""

    def __init__(self) -> None:
        self.ages_s: list[float] = []
        self._message, self._segments = ResponseReader(), SegmentReader()

    async def receive(self, request: web.Request) -> web.Response:
        while chunk := await request.content.read(LINE_BYTES_PER_S // 20):
            for segment in self._segments.feed(self._message.feed(chunk)):
                if not segment.is_init:
                    self.ages_s.append(time.time() - segment.decode_time / 90_000)
            await asyncio.sleep(len(chunk) / LINE_BYTES_PER_S)
        return web.Response(status=204)


@pytest.fixture
async def slow_relay() -> AsyncIterator[tuple[SlowRelay, str]]:
    relay, app = SlowRelay(), web.Application()
    app.router.add_post("/", relay.receive)
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True, read_bufsize=4096)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    yield relay, f"http://127.0.0.1:{sock.getsockname()[1]}/"
    await runner.cleanup()


async def test_frames_arrive_young_or_not_at_all(
    slow_relay: tuple[SlowRelay, str], camera: Camera
) -> None:
    """Four times what the line carries: groups are dropped, and none comes late."""
    relay, url = slow_relay
    live = await OpenStreams().open(1, camera.streams["hd"], lasts_s=60)

    async def film() -> None:
        for number in range(FPS * 6):
            camera.streams["hd"].publish(frame(number))
            await asyncio.sleep(1 / FPS)

    async with aiohttp.ClientSession() as session:
        sending = asyncio.create_task(answer_to(session, url, {}, Answer(live)))
        await film()
        sending.cancel()
        await asyncio.wait([sending])
    await live.aclose()
    ages = relay.ages_s[FPS:]  # the first are those of the cast's recording
    assert len(ages) > 10
    assert max(ages) < 3.5  # 2 s in the queue, and what sockets and the reader hold


async def test_the_buffer_below_tls_is_found(tmp_path: Path) -> None:
    """The names of asyncio's that `below_tls` relies on."""
    file = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    trusting = ssl.create_default_context(cafile=str(file))
    address = server.sockets[0].getsockname()
    _, writer = await asyncio.open_connection(*address, ssl=trusting)
    assert below_tls(writer.transport) is not writer.transport
    writer.close()
    server.close()


async def test_live_video_goes_on_over_tls(tmp_path: Path) -> None:
    """A buffer that takes nothing must not be full while it is empty (asyncio's TLS thinks so)."""
    file = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        prepare_for_body(writer.transport, is_live=True)
        for number in range(50):
            writer.write(frame(number).data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0, ssl=context)
    trusting = ssl.create_default_context(cafile=str(file))
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=trusting)
    async with asyncio.timeout(15):
        assert len(await reader.read(-1)) > 50 * FRAME_BYTES
    writer.close()
    server.close()
