"""Sealed sockets at the web door: the recorder proves itself; abuse ends with the right code."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.config import WebConfig
from cmr.doors import outbox, session_sockets
from cmr.doors.ports import Port, Speech, listen
from cmr.doors.web import WebDoor
from cmr.identity import Identity
from cmr.registration import Registration
from protocol.errors import ProtocolError
from protocol.http_message import Request, format_request
from protocol.sealing import ClientHandshake
from protocol.session import MAX_MESSAGE_BYTES, MessageType, encode
from tests.cmr.conftest import RECORDER_ID, Token
from tests.cmr.doors.conftest import until
from tests.fakes.certificate import self_signed
from tests.viewers.sealed import SUBPROTOCOL, SealedViewer, prove, sealed_session, sealed_socket
from tests.viewers.session import session_over

Open = Callable[[], AbstractAsyncContextManager[ClientConnection]]


@pytest.fixture
def url(web: str) -> str:
    return f"{web.replace('http', 'ws')}/v1/session"


@pytest.fixture
async def socket(url: str) -> AsyncIterator[ClientConnection]:
    """A socket on which nothing was said yet."""
    async with sealed_socket(url) as made:
        yield made


@pytest.fixture
async def viewer(socket: ClientConnection, identity: Identity, token: Token) -> SealedViewer:
    """A channel whose token was accepted."""
    made = await prove(socket, RECORDER_ID, identity.signer.jwk)
    await made.send(encode(MessageType.RENEW, 0, token().encode()))
    await made.send(encode(MessageType.PING, 0, b""))
    assert made.sealed.open(await socket.recv()) == encode(MessageType.PONG, 0)
    return made


async def closed(socket: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(15):
        await socket.wait_closed()
    return socket.close_code or 0, socket.close_reason or ""


# --- The proof (L6) ---


async def test_another_host_at_the_address_gets_nothing(
    socket: ClientConnection, identity: Identity
) -> None:
    """L6: it answers, but not with the recorder's key, and hears nothing but a hello."""
    expected = replace(identity, key=Ed25519PrivateKey.generate())
    with pytest.raises(ProtocolError) as refusal:
        await prove(socket, RECORDER_ID, expected.signer.jwk)
    assert refusal.value.code == "not_this_host"


async def test_another_recorder_of_ours_is_not_this_one(
    socket: ClientConnection, identity: Identity
) -> None:
    """L6: the same key under another id proves nothing."""
    with pytest.raises(ProtocolError, match="another host"):
        await prove(socket, "another recorder", identity.signer.jwk)


async def test_a_recorded_session_cannot_be_played_again(
    url: str, socket: ClientConnection, identity: Identity, token: Token
) -> None:
    """L6: who overheard a viewer repeats its hello and its token, and learns nothing."""
    handshake = ClientHandshake("session", RECORDER_ID)
    await socket.send(handshake.hello)
    sealed = handshake.finish(await socket.recv(), identity.signer.jwk)
    record = sealed.seal(encode(MessageType.RENEW, 0, token().encode()))
    await socket.send(record)
    async with sealed_socket(url) as another:
        await another.send(handshake.hello)
        await another.recv()
        await another.send(record)
        assert await closed(another) == (4400, "bad_seal")


async def test_a_repeated_record_ends_the_session(viewer: SealedViewer) -> None:
    record = viewer.sealed.seal(encode(MessageType.PING, 0, b"x"))
    await viewer.socket.send(record)
    await viewer.socket.send(record)
    assert await closed(viewer.socket) == (4400, "bad_seal")


async def test_a_recorder_that_is_not_registered_says_so(
    url: str, registration: Registration
) -> None:
    registration.identity = None
    async with sealed_socket(url) as socket:
        assert await closed(socket) == (4401, "not_registered")


async def test_any_page_may_connect_but_nothing_is_compressed(url: str) -> None:
    """There are no cookies, so the origin says nothing; a compressed bomb is not even unpacked."""
    offer = "permessage-deflate; client_max_window_bits"
    headers = {"Origin": "https://elsewhere.test", "Sec-WebSocket-Extensions": offer}
    async with sealed_socket(url, additional_headers=headers) as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


@pytest.mark.parametrize("subprotocols", [None, ["contera.session.v1"], ["chat"]])
async def test_another_subprotocol_is_refused_before_it_is_a_socket(
    url: str, subprotocols: list[str] | None
) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with sealed_socket(url, subprotocols=subprotocols):
            pass
    assert refusal.value.response.status_code == 403


async def test_without_an_upgrade_there_is_nothing(
    web: str, client: aiohttp.ClientSession, token: Token
) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    async with client.get(f"{web}/v1/session", headers=headers) as answer:
        assert answer.status == 404


BAD_HANDSHAKES = {
    "no key": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "old version": (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 1\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    ),
    "no connection header": "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}


@pytest.mark.parametrize("name", BAD_HANDSHAKES)
async def test_a_bad_handshake_is_refused(web: str, name: str) -> None:
    """P3."""
    head = f"GET /v1/session HTTP/1.1\r\nHost: x\r\n{BAD_HANDSHAKES[name]}"
    request = f"{head}Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(web.rpartition(":")[2]))
    writer.write(request.encode())
    async with asyncio.timeout(10):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_it_is_the_same_on_tls(
    api: Api, identity: Identity, token: Token, tmp_path: Path, sending: Camera
) -> None:
    """Nobody needs to trust the certificate: the proof is inside."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(self_signed(tmp_path))
    sock = listen(WebConfig("127.0.0.1", 0))
    door = asyncio.create_task(WebDoor(api, tls=tls).run(Port(sock, Speech.HTTPS)))
    url = f"wss://127.0.0.1:{sock.getsockname()[1]}/v1/session"
    async with sealed_session(url, RECORDER_ID, identity.signer.jwk) as session:
        await session.renew(token())
        segments = aiter(await session.open("/v1/cameras/1/live"))
        for _ in range(20):
            assert await anext(segments)
    door.cancel()
    await asyncio.wait([door])
    sock.close()


# --- Before the token ---


@pytest.mark.parametrize("hello", [b"", b"CTS1", b"x" * 36, b"CTS1" + bytes(32), "text"])
async def test_a_bad_hello_ends_the_socket(socket: ClientConnection, hello: bytes | str) -> None:
    """P2, P3: `CTS1` and zeros is a key of small order."""
    await socket.send(hello)
    assert await closed(socket) == (4400, "bad_hello")


async def test_a_silent_viewer_may_not_stay(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_sockets, "HELLO_S", 0.05)
    async with sealed_socket(url) as socket:
        assert await closed(socket) == (4401, "token_missing")


async def test_places_without_a_token_are_few(
    url: str, identity: Identity, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has shown a token, or has left, takes no place."""
    monkeypatch.setattr(session_sockets, "MAX_WITHOUT_TOKEN_PER_ADDRESS", 3)
    async with AsyncExitStack() as stack:

        async def come() -> ClientConnection:
            return await stack.enter_async_context(sealed_socket(url))

        sockets = [await come() for _ in range(3)]
        assert await closed(await come()) == (1013, "too_busy")
        good = await prove(sockets[0], RECORDER_ID, identity.signer.jwk)
        await good.send(encode(MessageType.RENEW, 0, token().encode()))
        await good.send(encode(MessageType.PING, 0))
        await sockets[0].recv()
        await sockets[1].close()
        for _ in range(2):
            await prove(await come(), RECORDER_ID, identity.signer.jwk)
        assert await closed(await come()) == (1013, "too_busy")


async def test_sockets_are_bounded(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_sockets, "MAX_SOCKETS", 2)
    async with sealed_socket(url), sealed_socket(url), sealed_socket(url) as third:
        assert await closed(third) == (1013, "too_busy")


# --- Abuse of the socket itself (P2) ---


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, length: int = 0) -> bytes:
    """A masked frame (RFC 6455 §5.2) that announces `length` bytes, or as many as it has."""
    length = length or len(payload)
    head = struct.pack("!B", opcode | (0x80 if fin else 0))
    if length < 126:
        head += struct.pack("!B", 0x80 | length)
    else:
        head += struct.pack("!BQ", 0xFF, length)
    return head + bytes(4) + payload  # a mask of zeros changes nothing


async def test_a_huge_message_is_refused_when_it_is_announced(viewer: SealedViewer) -> None:
    """P2: 100 MiB."""
    viewer.socket.transport.write(frame(2, length=100 * 1024 * 1024))
    assert (await closed(viewer.socket))[0] == 1009


async def test_a_message_that_grows_by_fragments_is_refused(viewer: SealedViewer) -> None:
    """P2."""
    transport = viewer.socket.transport
    transport.write(frame(2, bytes(64 * 1024), fin=False))
    for _ in range(8):
        transport.write(frame(0, bytes(64 * 1024), fin=False))
    assert (await closed(viewer.socket))[0] == 1009


@pytest.mark.parametrize("size", [0, 1])
async def test_a_million_fragments_are_refused(viewer: SealedViewer, size: int) -> None:
    """P2."""
    viewer.socket.transport.write(frame(2, b"x", fin=False))
    many = frame(0, bytes(size), fin=False) * 10_000
    for _ in range(100):
        if viewer.socket.transport.is_closing():
            break
        viewer.socket.transport.write(many)
        await asyncio.sleep(0)
    assert (await closed(viewer.socket))[0] == 1009


async def test_a_flood_of_pings_is_refused(viewer: SealedViewer) -> None:
    """P2."""
    viewer.socket.transport.write(frame(9, b"x") * 1_000)
    assert (await closed(viewer.socket))[0] == 1008


async def test_text_is_refused(viewer: SealedViewer) -> None:
    await viewer.socket.send("hello")
    assert await closed(viewer.socket) == (4400, "bad_frame")


async def test_many_large_messages_cost_no_more_than_one(viewer: SealedViewer) -> None:
    """The limit is for a message, not for a session."""
    async with session_over(viewer) as session:
        for _ in range(12):
            await session.send(MessageType.PONG, 0, bytes(MAX_MESSAGE_BYTES - 5))
        await session.ping()


async def test_a_viewer_that_stops_reading_is_cut(
    url: str,
    identity: Identity,
    token: Token,
    api: Api,
    sending: Camera,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R5: it holds a few frames and a second of ours, and then neither those nor a connection."""
    monkeypatch.setattr(outbox, "STALLED_S", 0.3)
    async with sealed_socket(url, max_queue=1) as socket:
        viewer = await prove(socket, RECORDER_ID, identity.signer.jwk)
        await viewer.send(encode(MessageType.RENEW, 0, token().encode()))
        request = format_request(Request("GET", "/v1/cameras/1/live"))
        await viewer.send(encode(MessageType.REQUEST, 1, request))
        await until(lambda: len(api.streams) == 1)
        (running,) = api.streams.all()
        frame = replace(sending.streams["hd"]._picture.fragments()[0], data=bytes(200_000))
        for _ in range(100):
            sending.streams["hd"].publish(frame)
            await asyncio.sleep(0)
        assert running.dropped_frames > 10
        await until(lambda: len(api.streams) == 0, 15)
        await until(lambda: len(api.holders) == 0, 15)
        async with asyncio.timeout(15):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await socket.recv()
        assert socket.close_code in {1006, 4408}


# --- The end ---


async def test_a_planned_stop_is_told(api: Api, identity: Identity, token: Token) -> None:
    sock = listen(WebConfig("127.0.0.1", 0))
    door = asyncio.create_task(WebDoor(api).run(Port(sock)))
    url = f"ws://127.0.0.1:{sock.getsockname()[1]}/v1/session"
    async with sealed_session(url, RECORDER_ID, identity.signer.jwk) as session:
        await session.renew(token())
        await session.ping()
        door.cancel()
        end = await session.end()
        assert (end.code, end.reason) == (1012, "recorder_stopping")
    await asyncio.wait([door])
    sock.close()
