"""The web door, over real sockets."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.config import WebConfig
from cmr.doors import web as web_door
from cmr.doors.ports import Port, listen
from protocol.fragments import SegmentReader
from tests.cmr.api.asking import START
from tests.cmr.conftest import Token
from tests.cmr.doors.conftest import until


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def send_raw(web: str, data: bytes) -> bytes:
    """What the door answers to these bytes, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(web.rpartition(":")[2]))
    writer.write(data)
    async with asyncio.timeout(5):
        answer = await reader.read(-1)
    writer.close()
    return answer


async def test_live_video_comes_as_it_is_made(
    web: str, client: aiohttp.ClientSession, sending: Camera, token: Token
) -> None:
    reader = SegmentReader()
    async with client.get(f"{web}/v1/cameras/1/live", headers=bearer(token("live"))) as answer:
        segments = []
        while len(segments) < 30:
            segments += reader.feed(await answer.content.readany())
    assert segments[0].is_init
    assert segments[1].is_key


async def test_a_viewer_that_leaves_ends_its_stream(
    web: str, client: aiohttp.ClientSession, camera: Camera, api: Api, token: Token
) -> None:
    """Also when the camera sends nothing that would show it."""
    async with client.get(f"{web}/v1/cameras/1/live", headers=bearer(token("live"))) as answer:
        await answer.content.readany()
        answer.close()
    await until(lambda: len(api.streams) == 0)


async def test_a_viewer_that_stops_reading_is_cut_and_delays_nobody(
    web: str,
    client: aiohttp.ClientSession,
    sending: Camera,
    api: Api,
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R5."""
    monkeypatch.setattr(web_door, "WRITE_TIMEOUT_S", 0.3)
    sock = socket.create_connection(("127.0.0.1", int(web.rpartition(":")[2])))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = (
        f"GET /v1/cameras/1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n\r\n"
    )
    sock.sendall(request.encode())
    await until(lambda: len(api.streams) == 1)
    large = b"\x00\x00\x00\x08free" * 40_000
    init = sending.streams["hd"]._init
    for _ in range(20):
        for subscription in sending.streams["hd"]._subscriptions:
            subscription.offer(init, type(init)(large, False, True, 0))
        await asyncio.sleep(0.02)
    await until(lambda: len(api.streams) == 0)
    sock.close()


@pytest.mark.parametrize(
    "target", ["http://192.168.1.1/", "/v1/../../etc/passwd", "/%2e%2e/etc", "//x/v1/", "/v1/x"]
)
async def test_it_serves_nothing_but_its_routes(web: str, token: Token, target: str) -> None:
    """R13."""
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n"
    answer = await send_raw(web, f"{request}Connection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"not_found"' in answer


MALFORMED = {
    "two lengths": (
        b"POST /v1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"
    ),
    "length and chunks": (
        b"POST /v1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "header without colon": b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "NUL": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "huge header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_requests_are_refused(web: str, name: str) -> None:
    """R11, P3."""
    answer = await send_raw(web, MALFORMED[name])
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))


async def test_a_body_that_is_too_large_is_refused(
    web: str, client: aiohttp.ClientSession, token: Token
) -> None:
    """P3, with and without a length announced."""
    too_much = b"x" * (257 * 1024)

    async def chunks() -> object:
        yield too_much

    for data in (too_much, chunks()):
        async with client.post(f"{web}/v1/", data=data, headers=bearer(token())) as answer:
            assert (answer.status, (await answer.json(content_type=None))["code"]) == (
                413,
                "body_too_large",
            )


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nA: b"])
async def test_a_request_that_never_ends_is_cut(
    api: Api, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    """Slow-loris."""
    monkeypatch.setattr(web_door, "HEAD_TIMEOUT_S", 0.2)
    sock = listen(WebConfig("127.0.0.1", 0))
    task = asyncio.create_task(web_door.WebDoor(api).run(Port(sock)))
    assert await send_raw(f":{sock.getsockname()[1]}", start) == b""
    task.cancel()
    await asyncio.wait([task])
    sock.close()


async def test_connections_are_bounded(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_door, "MAX_CONNECTIONS", 3)
    port = int(web.rpartition(":")[2])
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
    async with asyncio.timeout(5):
        assert await pairs[3][0].read(1) == b""
    for _, writer in pairs:
        writer.close()


async def test_no_answer_may_be_kept_framed_or_guessed(
    web: str, client: aiohttp.ClientSession, token: Token
) -> None:
    """A3."""
    for target in ("/", "/v1/", "/nothing"):
        async with client.get(web + target, headers=bearer(token())) as answer:
            headers = answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Server"] == "ConteraCMR"


async def test_a_piece_has_its_length(
    web: str, client: aiohttp.ClientSession, token: Token
) -> None:
    target = f"{web}/v1/cameras/1/video?start={START}&duration=2"
    async with client.get(target, headers=bearer(token("playback"))) as answer:
        assert len(await answer.read()) == answer.content_length


async def test_a_disk_that_fails_breaks_the_answer(
    web: str, client: aiohttp.ClientSession, token: Token, archive: object
) -> None:
    archive.error = OSError(5, "Input/output error")  # type: ignore[attr-defined]
    target = f"{web}/v1/cameras/1/video?start={START}&duration=2"
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get(target, headers=bearer(token("playback"))) as answer:
            await answer.read()


def test_a_taken_port_is_named() -> None:
    sock = listen(WebConfig("127.0.0.1", 0))
    port = sock.getsockname()[1]
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}"):
        listen(WebConfig("127.0.0.1", port))
    sock.close()


async def test_malformed_requests_do_not_fill_the_log(
    web: str, caplog: pytest.LogCaptureFixture
) -> None:
    for data in (
        b"GET / HTTP/9.x\r\n\r\n",
        b"POST /v1/p2p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v1/ HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer a.b.\xff\r\n\r\n",
    ):
        assert b" 40" in (await send_raw(web, data)).split(b"\r\n")[0]
    assert caplog.records == []
