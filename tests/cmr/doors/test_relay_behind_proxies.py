"""The relay door where only an HTTP proxy, or only plain HTTP, leads out: real squid, real relay.

L12, and port 80: neither a token nor video is ever readable for who stands between.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.connector import Outgoing
from cmr.doors.relay import RelayDoor
from cmr.doors.relay_health import Health
from cmr.proxy import Proxy
from cmr.proxy_config import ProxyConfig
from cmr.registration import Registration, RelayAccess
from contera.listening import Server, listen, server_config
from contera.sealed_http import SealedHost, SealedHttp
from protocol.fragments import Segment
from protocol.tokens import Signer
from streaming.relay.asgi import RelayApp
from tests.cmr.conftest import RECORDER_ID, Token
from tests.cmr.doors.conftest import Relay, relay_pass, until
from tests.fakes.certificate import self_signed
from tests.fakes.filter import Filter
from tests.fakes.pipe import Pipe
from tests.services.squid import squid_running

SCHEMES = ["null", "basic", "digest"]


class SealedRelay(Relay):
    """A relay node that is also there over plain HTTP, sealed."""

    def __init__(self, portal: Signer) -> None:
        super().__init__(portal)
        self.port = 0
        self._portal = portal

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[None]:
        app = SealedHttp(RelayApp(self.hub), SealedHost("portal", lambda: self._portal))
        sock = listen("127.0.0.1", port)
        self.port = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        server = Server(server_config(app))
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            await asyncio.wait([task], timeout=10)
            sock.close()


@pytest.fixture
async def relay(portal: Signer) -> AsyncIterator[SealedRelay]:
    node = SealedRelay(portal)
    async with node.running():
        yield node


Link = Callable[..., Awaitable[RelayDoor]]


@pytest.fixture
async def link(
    api: Api, registration: Registration, portal: Signer, relay: SealedRelay
) -> AsyncIterator[Link]:
    """Starts a door on these addresses, and waits until it is linked."""
    tasks: list[asyncio.Task[None]] = []

    async def start(*urls: str, outgoing: Outgoing | None = None) -> RelayDoor:
        registration.set_relay(RelayAccess(urls, relay_pass(portal)))
        door = RelayDoor(api, registration, outgoing)
        tasks.append(asyncio.create_task(door.run()))
        await until(lambda: relay.hub.stats()["polls"] == 2, 20)
        return door

    yield start
    for task in tasks:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task.exception()


class TrustingOutgoing(Outgoing):
    """Believes one more certificate than the system does."""

    def __init__(self, proxy: Proxy | None, certificate: Path) -> None:
        super().__init__(proxy)
        self._context = ssl.create_default_context(cafile=str(certificate))

    def session(self, timeout: aiohttp.ClientTimeout, **connector: Any) -> aiohttp.ClientSession:
        return super().session(timeout, ssl=self._context, **connector)


def proxy_at(port: int, scheme: str, password: str = "sesame") -> Proxy:
    if scheme == "null":
        return Proxy(ProxyConfig("127.0.0.1", port))
    return Proxy(ProxyConfig("127.0.0.1", port, scheme, "cctv", password))


@dataclass
class Viewer:
    """Somebody who may see camera 1, at the relay; and what must stay between the two."""

    relay: SealedRelay
    client: aiohttp.ClientSession
    token: str
    relay_pass: str
    segments: tuple[Segment, ...]

    async def sees_live_video(self) -> None:
        """The initialisation segment and all of three seconds."""
        url = f"{self.relay.viewer_url}/v1/cameras/1/live"
        wanted = sum(len(segment.data) for segment in self.segments)
        async with asyncio.timeout(20), self.client.get(url, headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            data = await answer.content.readexactly(wanted)
        assert data.startswith(self.segments[0].data)

    async def asks_for_cameras(self) -> None:
        url = f"{self.relay.viewer_url}/v1/cameras"
        async with self.client.get(url, headers=self.headers) as answer:
            assert answer.status == 200

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def is_private_in(self, seen: bytes) -> None:
        """Nothing of tokens or video is among the bytes that crossed the line."""
        assert len(seen) > 10_000
        for secret in (self.token, self.relay_pass):
            assert all(part.encode() not in seen for part in secret.split("."))
        assert all(segment.data[-64:] not in seen for segment in self.segments)
        for word in (b"Bearer", b"mdat", b"moof", b"/v1/cameras", b"Contera-Boot", b"message/"):
            assert word not in seen


@pytest.fixture
def viewer(
    relay: SealedRelay,
    client: aiohttp.ClientSession,
    token: Token,
    portal: Signer,
    segments: tuple[Segment, ...],
    sending: Camera,
) -> Viewer:
    access = token("live", "playback")
    return Viewer(relay, client, access, relay_pass(portal), segments)


async def test_port_80_is_sealed(
    link: Link,
    relay: SealedRelay,
    viewer: Viewer,
) -> None:
    async with Pipe(relay.port).running() as pipe:
        door = await link(f"http://127.1:{pipe.port}")
        await viewer.sees_live_video()
        viewer.is_private_in(bytes(pipe.seen))
    assert door.words.startswith(f"linked through http://127.1:{pipe.port}, sealed")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_live_video_through_squid_without_connect(
    scheme: str,
    link: Link,
    relay: SealedRelay,
    registration: Registration,
    viewer: Viewer,
    tmp_path: Path,
) -> None:
    """Absolute addresses to a plain relay, sealed: polls, chunked answers and empty ones pass."""
    with squid_running(tmp_path / "squid", scheme, may_connect=False) as squid:
        async with Pipe(squid.port).running() as pipe:
            outgoing = Outgoing(proxy_at(pipe.port, scheme), registration.trust)
            door = await link(f"http://relay.test:{relay.port}", outgoing=outgoing)
            await viewer.sees_live_video()
            await viewer.asks_for_cameras()
            seen = bytes(pipe.seen)
            viewer.is_private_in(seen)
        requests = squid.requests()
    assert "sealed" in door.words
    assert not any(line.startswith("CONNECT") for line in requests)
    if scheme != "null":
        assert any(line.endswith(" 200 cctv") for line in requests)
    if scheme == "digest":
        assert b"Basic" not in seen


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_live_video_through_squid_with_connect(
    scheme: str,
    link: Link,
    relay: SealedRelay,
    viewer: Viewer,
    tmp_path: Path,
) -> None:
    """TLS to the relay itself. Squid takes each nonce three times here: the rest is stale."""
    certificate = self_signed(tmp_path, "relay.test")
    async with Pipe(relay.port).running(certificate) as tls:
        with squid_running(tmp_path / "squid", scheme, tls_ports=[tls.port]) as squid:
            proxy = proxy_at(squid.port, scheme)
            outgoing = TrustingOutgoing(proxy, certificate)
            door = await link(f"https://relay.test:{tls.port}", outgoing=outgoing)
            await viewer.sees_live_video()
            requests = [line for line in squid.requests() if line.startswith("CONNECT")]
    assert door.words.startswith("linked through https://relay.test")
    assert outgoing.words == f"127.0.0.1:{squid.port}, " + (
        "without a user name" if scheme == "null" else f"by {scheme}"
    )
    if scheme == "digest":
        assert any(line.endswith(" 407 -") for line in requests)


async def test_a_restarted_proxy_is_survived(
    link: Link,
    relay: SealedRelay,
    registration: Registration,
    viewer: Viewer,
    tmp_path: Path,
) -> None:
    """Its nonces are unknown afterwards."""
    port = 0
    with squid_running(tmp_path / "squid", "digest", may_connect=False) as squid:
        port = squid.port
        outgoing = Outgoing(proxy_at(port, "digest"), registration.trust)
        door = await link(f"http://relay.test:{relay.port}", outgoing=outgoing)
    await until(lambda: f"The proxy 127.0.0.1:{port} cannot be reached" in outgoing.words, 20)
    assert "cannot be reached" in door.words
    with squid_running(tmp_path / "again", "digest", may_connect=False, port=port):
        await until(lambda: relay.hub.stats()["polls"] == 2, 30)
        await viewer.sees_live_video()
    assert outgoing.words.endswith("by digest")


async def test_a_wrong_password_is_told_and_tried_slowly(
    api: Api, registration: Registration, portal: Signer, relay: SealedRelay, tmp_path: Path
) -> None:
    """L12: the account of a site is not locked by a recorder that insists."""
    with squid_running(tmp_path / "squid", "digest") as squid:
        outgoing = Outgoing(proxy_at(squid.port, "digest", "wrong"), registration.trust)
        registration.set_relay(RelayAccess(("https://relay.test",), relay_pass(portal)))
        door = RelayDoor(api, registration, outgoing)
        task = asyncio.create_task(door.run())
        await until(lambda: "refuses the user name or password" in door.words, 20)
        for _ in range(5):
            registration.set_relay(RelayAccess(("https://relay.test",), relay_pass(portal)))
            await asyncio.sleep(0.1)
        tried = [line for line in squid.requests() if line.endswith("407 cctv")]
        task.cancel()
        await asyncio.wait([task])
    assert len(tried) == 1
    assert "wrong" not in door.words


async def test_interception_is_named_and_the_sealed_way_taken(
    link: Link,
    relay: SealedRelay,
    viewer: Viewer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """L12: a filter that breaks TLS open signs with its own name; nothing is said to it."""
    certificate = self_signed(tmp_path, "127.0.0.1", "Firm Filter")
    async with Pipe(relay.port).running(certificate) as filtered:
        door = await link(f"https://127.0.0.1:{filtered.port}", f"http://127.1:{relay.port}")
        await viewer.asks_for_cameras()
        assert filtered.seen == b""
        await until(lambda: "sealed" in door.words)
    assert "issued by Firm Filter, 127.0.0.1" in caplog.text


async def test_a_filter_that_holds_bodies_is_got_around_sealed(
    link: Link, relay: SealedRelay, viewer: Viewer
) -> None:
    """L13 and port 80 together: sealed requests end soon enough for such a filter to pass them."""
    async with Filter(relay.port, {"hold", "strip"}).running() as box:
        door = await link(box.url.replace("127.0.0.1", "127.1"))
        await viewer.sees_live_video()
    assert door.report()["name"] == "segments"
    assert door.report()["sealed"] is True


def test_tls_is_tried_again_after_an_hour() -> None:
    now = 0.0
    health = Health(lambda: now)
    access = RelayAccess(("https://relay.test", "http://relay.test"), "pass")
    assert health.node(access) == "https://relay.test"
    health.failed("https://relay.test", "is blocked")
    assert health.is_failing
    assert health.words == "https://relay.test: is blocked"
    assert health.node(access) == "http://relay.test"
    health.succeeded("http://relay.test")
    assert not health.is_failing
    now = 3599.0
    assert health.node(access) == "http://relay.test"
    now = 3601.0
    assert health.node(access) == "https://relay.test"


async def test_another_relay_at_the_plain_address_gets_nothing(
    api: Api, registration: Registration, portal: Signer, identity: object
) -> None:
    """Whoever answers there has no key that we know: it sees a hello and no more."""
    stranger = SealedRelay(Signer(Ed25519PrivateKey.generate(), "portal"))
    async with stranger.running(), Pipe(stranger.port).running() as pipe:
        registration.set_relay(RelayAccess((f"http://127.1:{pipe.port}",), relay_pass(portal)))
        door = RelayDoor(api, registration)
        task = asyncio.create_task(door.run())
        await until(lambda: "not answered by our portal" in door.words, 20)
        task.cancel()
        await asyncio.wait([task])
    assert RECORDER_ID.encode() not in pipe.seen
    assert all(part.encode() not in pipe.seen for part in relay_pass(portal).split("."))
