"""Sealed HTTP between a recorder's client and an ASGI application, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.connector import Outgoing
from cmr.sealed_http import HostTrust
from contera.node_key import load_node_key
from contera.sealed_http import SealedHost, SealedHttp
from protocol.tokens import Signer
from tests.cmr.doors.conftest import until
from tests.fakes.asgi_server import ELSEWHERE, PORTAL, Echo, serving, session_of, trusting


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def sealed(echo: Echo) -> SealedHttp:
    return SealedHttp(echo, SealedHost("portal", lambda: PORTAL))


@pytest.fixture
async def port(sealed: SealedHttp) -> AsyncIterator[int]:
    async with serving(sealed) as number:
        yield number


@pytest.fixture
def base(port: int) -> str:
    return f"http://{ELSEWHERE}:{port}"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with session_of(trusting()) as made:
        yield made


async def test_a_request_arrives_as_it_was_made(session: aiohttp.ClientSession, base: str) -> None:
    headers = {"Authorization": "Bearer secret", "X-Forwarded-For": "6.6.6.6"}
    async with session.post(f"{base}/api/x%20y?a=1", json={"b": 2}, headers=headers) as answer:
        said = await answer.json(content_type=None)
    assert answer.status == 200
    assert (said["method"], said["path"], said["query"]) == ("POST", "/api/x y", "a=1")
    assert said["body"] == '{"b": 2}'
    assert said["scheme"] == "https"
    assert said["headers"]["authorization"] == "Bearer secret"
    assert "x-forwarded-for" not in said["headers"]  # who is inside says nothing for proxies
    assert "Date" in answer.headers


async def test_many_requests_share_a_tunnel(
    session: aiohttp.ClientSession, base: str, sealed: SealedHttp
) -> None:
    async def ask(number: int) -> str:
        async with session.post(base, data=str(number) * 1000) as answer:
            return str((await answer.json(content_type=None))["body"])

    bodies = await asyncio.gather(*(ask(number) for number in range(20)))
    assert bodies == [str(number) * 1000 for number in range(20)]
    assert len(sealed.tunnels) == 1


async def test_both_directions_stream(session: aiohttp.ClientSession, base: str) -> None:
    """What is sent comes back before more of it exists."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while piece := await pieces.get():
            yield piece

    pieces.put_nowait(b"first")
    async with session.post(f"{base}/relay/v1/stream", data=body()) as answer:
        assert await answer.content.readexactly(5) == b"first"
        pieces.put_nowait(b"second" * 10_000)
        assert await answer.content.readexactly(60_000) == b"second" * 10_000
        pieces.put_nowait(b"")
        assert await answer.content.read() == b""


async def test_an_answer_may_come_before_the_body_has_ended(
    session: aiohttp.ClientSession, base: str
) -> None:
    gate = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        await gate.wait()

    async with session.post(f"{base}/early", data=body()) as answer:
        assert answer.status == 409
        answer.close()


async def test_an_empty_answer_is_one(session: aiohttp.ClientSession, base: str) -> None:
    async with session.get(f"{base}/none") as answer:
        assert (answer.status, await answer.read()) == (204, b"")


async def test_a_client_that_leaves_is_noticed(
    session: aiohttp.ClientSession, base: str, echo: Echo
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), session.get(f"{base}/wait"):
            pass
    await asyncio.wait_for(echo.lost.wait(), 10)


async def test_a_reader_that_stops_holds_the_sender_back(
    session: aiohttp.ClientSession, base: str, echo: Echo
) -> None:
    async with session.get(f"{base}/endless") as answer:
        await until(lambda: getattr(echo, "sent_bytes", 0) > 0)
        before = -1
        while echo.sent_bytes != before:
            before = echo.sent_bytes
            await asyncio.sleep(0.5)
        assert before < 20_000_000
        answer.close()


async def test_another_host_is_refused(base: str) -> None:
    """It has no key of ours: nothing but a hello was sent."""
    stranger = Signer(Ed25519PrivateKey.generate(), "portal")
    async with session_of(trusting(stranger)) as session:
        with pytest.raises(aiohttp.ClientError, match="not answered by our portal"):
            await session.get(base)


async def test_a_restarted_host_is_greeted_anew(echo: Echo) -> None:
    def app() -> SealedHttp:
        return SealedHttp(echo, SealedHost("portal", lambda: PORTAL))

    async with session_of(trusting()) as session:
        async with serving(app()) as port:
            base = f"http://{ELSEWHERE}:{port}"
            assert (await session.get(f"{base}/none")).status == 204
        async with serving(app(), port):
            with pytest.raises(aiohttp.ClientError, match="tunnel_unknown"):
                await session.get(f"{base}/none")
            assert (await session.get(f"{base}/none")).status == 204


async def test_a_relay_node_proves_itself_with_its_own_key(echo: Echo, tmp_path: Path) -> None:
    """The portal names it; the portal's key is no good there."""
    node = load_node_key(tmp_path / "relay.pem")
    believed = Outgoing(trust=lambda _: HostTrust.node(node.jwk))
    async with serving(SealedHttp(echo, SealedHost("relay", lambda: node))) as port:
        url = f"http://{ELSEWHERE}:{port}/none"
        async with session_of(believed) as session, session.get(url) as answer:
            assert answer.status == 204
        async with session_of(trusting()) as session:
            with pytest.raises(aiohttp.ClientError, match="not answered by our portal"):
                await session.get(url)


async def test_a_plain_address_of_nobody_we_know_is_never_used() -> None:
    """L12: no token leaves in clear, whatever a portal names."""
    async with session_of(Outgoing()) as session:
        with pytest.raises(aiohttp.ClientError, match="nobody's key is known"):
            await session.get("http://192.0.2.1/relay/v1/next")
