"""The relay over real sockets, on our own connections and on uvicorn as it comes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator

import aiohttp
import pytest
import websockets
from websockets.exceptions import InvalidStatus

from contera import wires
from protocol.http_message import RESPONSE_TYPE, Request
from protocol.session import (
    CLOSE_BAD_MESSAGE,
    CLOSE_UNAUTHORIZED,
    SUBPROTOCOL,
    MessageType,
    decode,
    encode,
)
from tests.relay.cast import (
    INIT,
    LIVE_HEAD,
    OTHER,
    RECORDER,
    access_token,
    any_uuid,
    frame,
    relay_pass,
)
from tests.relay.real import ORIGIN, RealSite, Relay, now, raw_exchange, running_relay, until

CLIP = os.urandom(8 * 1024 * 1024)


@pytest.fixture(params=["direct", "plain"])
async def relay(request: pytest.FixtureRequest) -> AsyncIterator[Relay]:
    async with running_relay(is_direct=request.param == "direct") as relay:
        yield relay


@pytest.fixture
async def direct() -> AsyncIterator[Relay]:
    async with running_relay() as relay:
        yield relay


async def answer(request: Request) -> AsyncIterator[bytes]:
    """What the recorder of these tests serves."""
    if "/live" in request.target:
        yield LIVE_HEAD
        yield INIT + frame(0, is_key=True)
        for number in range(1, 400):
            await asyncio.sleep(0.01)
            yield frame(number, number % 15 == 0)
    elif "clip.mp4" in request.target:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
        yield b"Content-Length: %d\r\n\r\n" % len(CLIP)
        for at in range(0, len(CLIP), 100_000):
            yield CLIP[at : at + 100_000]
    elif "broken" in request.target:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 100\r\n\r\nabc"
    elif "html" in request.target:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\n\r\n<script>"
    else:
        body = request.body or b"{}"
        yield (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\n"
            b"Contera-Next: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        ) + body


def headers(**what: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(now(), **what)}"}


def address(relay: Relay, path: str, recorder: str = RECORDER) -> str:
    return f"{relay.url}/recorders/{recorder}{path}"


async def test_an_answer_passes_with_allowed_headers_and_is_never_cacheable(relay: Relay) -> None:
    """A3, R12."""
    async with RealSite(relay, answer).online() as site, aiohttp.ClientSession() as client:
        url = address(relay, "/v1/cameras?a=%2e%2e")
        async with client.get(url, headers={**headers(), "Cookie": "x=y"}) as got:
            assert (got.status, await got.read()) == (200, b"{}")
            assert got.headers["Cache-Control"] == "no-store"
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert got.headers["Contera-Next"] == "x"
            assert "Set-Cookie" not in got.headers
        assert site.requests[0].header("cookie") is None


async def test_head_is_refused_without_a_body(direct: Relay) -> None:
    """The body would be read as the answer to the connection's next request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", direct.port)
    requests = [b"HEAD /relay/v1/recorders/x/v1/", b"GET /relay/v1/nothing"]
    writer.write(b"".join(line + b" HTTP/1.1\r\nHost: x\r\n\r\n" for line in requests))
    async with asyncio.timeout(5):
        first = await reader.readuntil(b"\r\n\r\n")
        second = await reader.readline()
    writer.close()
    assert first.startswith(b"HTTP/1.1 405")
    assert second.startswith(b"HTTP/1.1 404")


async def test_a_request_body_reaches_the_recorder_and_has_a_bound(relay: Relay) -> None:
    async with RealSite(relay, answer).online(), aiohttp.ClientSession() as client:
        url = address(relay, "/v1/p2p")
        async with client.post(url, headers=headers(), data=b"offer") as got:
            assert await got.read() == b"offer"
        async with client.post(url, headers=headers(), data=bytes(300_000)) as got:
            assert got.status == 413


async def test_a_large_clip_arrives_whole_at_a_slow_viewer(relay: Relay) -> None:
    async with RealSite(relay, answer).online() as site, aiohttp.ClientSession() as client:
        digest = hashlib.sha256()
        url = address(relay, "/v1/cameras/1/clip.mp4")
        async with client.get(url, headers=headers()) as got:
            assert got.content_length == len(CLIP)
            async for chunk in got.content.iter_chunked(64 * 1024):
                digest.update(chunk)
                if digest.digest()[0] < 20:
                    await asyncio.sleep(0.01)
        assert digest.digest() == hashlib.sha256(CLIP).digest()
        await until(lambda: site.outcomes == [204])


async def test_live_video_is_uploaded_once_for_two_viewers(relay: Relay) -> None:
    async with RealSite(relay, answer).online() as site, aiohttp.ClientSession() as client:
        url = address(relay, "/v1/cameras/1/live?profile=sd")
        async with (
            client.get(url, headers=headers()) as one,
            client.get(url, headers=headers()) as two,
        ):
            for viewer in (one, two):
                assert (await viewer.content.readexactly(len(INIT))) == INIT
                assert b"prft" in await viewer.content.readexactly(200)
        assert len(site.requests) == 1


async def test_a_viewer_that_goes_away_stops_the_upload_early(relay: Relay) -> None:
    async with RealSite(relay, answer).online() as site, aiohttp.ClientSession() as client:
        got = await client.get(address(relay, "/v1/cameras/1/clip.mp4"), headers=headers())
        await got.content.readexactly(1000)
        got.close()
        await until(lambda: site.outcomes == [409] or relay.hub.stats()["exchanges"] == 0)


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(relay: Relay) -> None:
    async with RealSite(relay, answer).online(), aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientError):
            async with client.get(address(relay, "/v1/broken"), headers=headers()) as got:
                await got.read()


async def test_a_page_of_a_recorder_never_reaches_a_browser(relay: Relay) -> None:
    """R12."""
    async with RealSite(relay, answer).online() as site, aiohttp.ClientSession() as client:
        async with client.get(address(relay, "/v1/html"), headers=headers()) as got:
            assert (got.status, (await got.json(content_type=None))["code"]) == (502, "bad_answer")
        await until(lambda: site.outcomes == [400])


async def test_unknown_and_foreign_recorders_answer_alike(relay: Relay) -> None:
    """R3, A4."""
    answers = set()
    async with RealSite(relay, answer).online(), aiohttp.ClientSession() as client:
        for recorder, recorders_token in ((RECORDER, OTHER), (any_uuid(), OTHER), ("x", OTHER)):
            url = address(relay, "/v1/cameras", recorder)
            async with client.get(url, headers=headers(recorder=recorders_token)) as got:
                answers.add((got.status, await got.read()))
        for recorder in (RECORDER, OTHER, "x"):
            async with client.get(address(relay, "/v1/cameras", recorder)) as got:
                assert got.status == 401
        async with client.get(
            address(relay, "/v1/", OTHER), headers=headers(recorder=OTHER)
        ) as got:
            assert got.status == 503
    assert len(answers) == 1
    assert answers.pop()[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/next", 404),
        ("GET", "/next", 401),
        ("GET", "/exchanges/" + "0" * 32, 404),
        ("POST", "/exchanges/" + "0" * 32, 401),
        ("POST", "/exchanges/x", 404),
        ("GET", "/recorders", 404),
        ("GET", "/", 404),
        ("DELETE", f"/recorders/{RECORDER}/v1/", 401),
    ],
)
async def test_everything_else_is_refused(
    direct: Relay, method: str, path: str, status: int
) -> None:
    async with aiohttp.ClientSession() as client, client.request(method, direct.url + path) as got:
        assert got.status == status
        assert got.content_type == "application/problem+json"


async def test_an_answer_to_nothing_is_refused_while_it_is_being_sent(relay: Relay) -> None:
    """R3, A3: an endless POST to an unknown exchange does not go on for ever."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1000:
            sent += 1
            yield bytes(1000)
            await asyncio.sleep(0.01)

    told = {"Authorization": f"Bearer {relay_pass(now())}", "Content-Type": RESPONSE_TYPE}
    url = f"{relay.url}/exchanges/{'0' * 32}"
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, headers=told, data=endless()) as got,
    ):
        assert got.status == 404
    assert sent < 50


# Sessions.


def connect(relay: Relay, **options: object) -> websockets.connect:
    url = f"ws://127.0.0.1:{relay.port}/relay/v1/recorders/{RECORDER}/session"
    chosen = {"subprotocols": [SUBPROTOCOL], "origin": ORIGIN, **options}
    return websockets.connect(url, **chosen)  # type: ignore[arg-type]  # a test's free options


def renewal() -> bytes:
    return encode(MessageType.RENEW, 0, access_token(now()).encode())


async def closed_with(socket: websockets.ClientConnection) -> int | None:
    async with asyncio.timeout(5):
        await socket.wait_closed()
    return socket.close_code


async def test_a_session_carries_live_video_and_requests_side_by_side(relay: Relay) -> None:
    async with RealSite(relay, answer).online(), connect(relay) as socket:
        await socket.send(renewal())
        live = b"GET /v1/cameras/1/live?profile=sd HTTP/1.1\r\n\r\n"
        await socket.send(encode(MessageType.REQUEST, 1, live))
        await socket.send(encode(MessageType.REQUEST, 2, b"GET /v1/cameras HTTP/1.1\r\n\r\n"))
        streams: dict[int, list[bytes]] = {1: [], 2: []}
        while len(streams[1]) < 12 or len(streams[2]) < 3:
            message = decode(await socket.recv())
            streams[message.stream].append(message.payload)
        assert streams[1][1] == INIT
        assert b"prft" in streams[1][2]
        assert streams[2][1:] == [b"{}", b""]


@pytest.mark.parametrize(
    "options",
    [{"origin": "https://evil.example"}, {"subprotocols": None}, {"origin": "null"}],
    ids=["origin", "subprotocol", "null"],
)
async def test_a_socket_from_elsewhere_is_refused(relay: Relay, options: dict[str, object]) -> None:
    """P2."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(relay, **options):
            pass
    assert caught.value.response.status_code == 403


async def test_a_native_client_without_origin_is_welcome(relay: Relay) -> None:
    async with RealSite(relay, answer).online(), connect(relay, origin=None) as socket:
        await socket.send(encode(MessageType.RENEW, 0, b"nonsense"))
        assert await closed_with(socket) == CLOSE_UNAUTHORIZED


async def test_compression_is_not_agreed_on(relay: Relay) -> None:
    """P2: no compressed bomb where nothing is inflated."""
    async with connect(relay, compression="deflate") as socket:
        assert socket.protocol.extensions == []
        raw = socket.transport
        raw.write(b"\xc2\x85\0\0\0\0abcde")  # RSV1 set
        assert await closed_with(socket) == 1002


async def test_a_message_of_100_mib_is_refused(direct: Relay) -> None:
    """P2."""
    async with RealSite(direct, answer).online(), connect(direct) as socket:
        socket.transport.write(b"\x82\xff" + (100 * 2**20).to_bytes(8, "big") + bytes(4))
        assert await closed_with(socket) == 1009


async def test_a_million_fragments_are_refused(direct: Relay) -> None:
    """P2."""
    async with RealSite(direct, answer).online(), connect(direct) as socket:
        socket.transport.write(b"\x02\x81\0\0\0\0a" + b"\x00\x80\0\0\0\0" * 1000)
        assert await closed_with(socket) == 1009


async def test_a_flood_of_websocket_pings_is_refused(direct: Relay) -> None:
    """P2."""
    async with RealSite(direct, answer).online(), connect(direct) as socket:
        socket.transport.write(b"\x89\x80\0\0\0\0" * 1000)
        assert await closed_with(socket) == 1008


async def test_text_is_refused(relay: Relay) -> None:
    async with RealSite(relay, answer).online(), connect(relay) as socket:
        await socket.send("hello")
        assert await closed_with(socket) == CLOSE_BAD_MESSAGE


# What the server bounds by itself.


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"],
    ids=["silence", "half a head", "empty lines", "half a body"],
)
async def test_a_slow_client_is_closed(
    direct: Relay, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """R14: within REQUEST_S, whatever it was that did not come."""
    monkeypatch.setattr(wires, "REQUEST_S", 0.2)
    monkeypatch.setattr("streaming.relay.http_door.BODY_S", 0.2)
    async with asyncio.timeout(2):
        await raw_exchange(direct.port, sent)


async def test_a_connection_that_was_answered_early_does_not_stay_for_ever(
    direct: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R14."""
    monkeypatch.setattr(wires, "REQUEST_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", direct.port)
    writer.write(b"POST /relay/v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
    assert b"404" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"b")
    async with asyncio.timeout(2):
        await reader.read()
    writer.close()


async def test_a_bug_in_the_hub_ends_the_program(
    direct: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay without deadlines would be worse than one that is started again."""

    def fail() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(direct.hub, "tick", fail)
    async with asyncio.timeout(3):
        await asyncio.shield(direct.task)


async def test_a_planned_stop_fails_nothing(direct: Relay) -> None:
    """R8: polls are answered, streams end whole, sessions are told to come back."""
    site = RealSite(direct, answer)
    async with site.online(), aiohttp.ClientSession() as client, connect(direct) as socket:
        await socket.send(renewal())
        url = address(direct, "/v1/cameras/1/live")
        async with client.get(url, headers=headers()) as got:
            await got.content.readexactly(100)
            stopping = asyncio.create_task(direct.stop())
            assert (await got.read()).endswith(bytes(50))  # the last chunk came: no error
        assert await closed_with(socket) == 1012
        await stopping
        assert set(site.poll_statuses) <= {200, 204}
        assert direct.hub.stats()["exchanges"] == 0
