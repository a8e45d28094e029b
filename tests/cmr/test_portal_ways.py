"""The ways to the portal: TLS, else its plain address sealed; never anything in clear (L12)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.connector import Outgoing
from cmr.enrolment import EnrolmentError, enrol
from cmr.portal import PortalClient, PortalError, parse_portal_url
from cmr.proxy import Proxy
from cmr.proxy_config import ProxyConfig
from contera.sealed_http import SealedHost, SealedHttp
from protocol.tokens import Signer
from tests.fakes.asgi_server import ELSEWHERE, PORTAL, serving, trusting
from tests.fakes.certificate import self_signed
from tests.fakes.hostile_proxy import HostileProxy, refusal
from tests.fakes.pipe import Pipe
from tests.services.squid import squid_running


class Portal:
    """Registers anybody and hears heartbeats, over ASGI."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []  # ASGI's

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for done in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{done}.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        self.scopes.append(scope)
        facts = {
            "recorder_id": "6f1d6f0e-4d5a-4c7c-9d1e-3b6f2a9c8e10",
            "name": "Gate",
            "organisation": "Harbour",
            "jwks": {"keys": [PORTAL.jwk]},
            "heartbeat_s": 15,
            "http_url": "http://portal.test",
        }
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(facts).encode()})


@pytest.fixture
def portal_app() -> Portal:
    return Portal()


@pytest.fixture
async def port(portal_app: Portal) -> AsyncIterator[int]:
    async with serving(SealedHttp(portal_app, SealedHost("portal", lambda: PORTAL))) as number:
        yield number


async def ask(client: PortalClient) -> dict[str, Any]:
    return await client.post("/api/v1/recorder/heartbeat", "secret-token", {"a": 1}, time.time())


async def test_the_plain_address_is_used_sealed_where_tls_is_broken_open(
    port: int, portal_app: Portal, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path, "127.0.0.1", "Firm Filter")
    async with Pipe(port).running(certificate) as filtered, Pipe(port).running() as plain:
        url = parse_portal_url(f"https://127.0.0.1:{filtered.port}")
        sealed = parse_portal_url(f"http://{ELSEWHERE}:{plain.port}")
        async with PortalClient(url, trusting(), sealed) as client:
            for _ in range(2):
                assert (await ask(client))["name"] == "Gate"
        assert filtered.seen == b""
        assert b"secret-token" not in plain.seen
    assert "sealed, because TLS is not possible" in client.way
    assert "issued by Firm Filter" in client.way
    assert [scope["scheme"] for scope in portal_app.scopes] == ["https", "https"]


async def test_a_restarted_portal_is_asked_again_at_once(portal_app: Portal) -> None:
    """Its tunnels are gone with it."""

    def app() -> SealedHttp:
        return SealedHttp(portal_app, SealedHost("portal", lambda: PORTAL))

    async with serving(app()) as port:
        url = parse_portal_url(f"http://{ELSEWHERE}:{port}")
        client = PortalClient(url, trusting())
        assert (await ask(client))["name"] == "Gate"
    async with client, serving(app(), port):
        assert (await ask(client))["name"] == "Gate"


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            "proxy_not_http",
            "in the place of",
        ),
        (refusal(status="403 Not on the list"), "proxy_refuses", "403 Not on the list"),
        (b"\x15\x03\x01 close", "proxy_not_http", "does not answer as an HTTP proxy"),
    ],
)
async def test_a_proxy_that_spoils_plain_requests_is_named(
    answer: bytes, code: str, words: str
) -> None:
    async with HostileProxy(lambda _: answer).running() as hostile:
        outgoing = Outgoing(Proxy(ProxyConfig("127.0.0.1", hostile.port)), trusting().trust)
        async with PortalClient(parse_portal_url("http://portal.test"), outgoing) as client:
            with pytest.raises(PortalError, match=words) as no:
                await ask(client)
    assert no.value.code == code
    assert "secret-token" not in str(hostile.asked)


async def test_why_tls_failed_is_told_when_nothing_works() -> None:
    async with HostileProxy(lambda _: refusal(status="403 Forbidden")).running() as hostile:
        outgoing = trusting()
        refusing = Outgoing(Proxy(ProxyConfig("127.0.0.1", hostile.port)), outgoing.trust)
        url, plain = parse_portal_url("https://portal.test"), parse_portal_url("http://portal.test")
        async with PortalClient(url, refusing, plain) as client:
            with pytest.raises(PortalError, match="refuses a connection") as no:
                await ask(client)
    assert no.value.code == "proxy_refuses"
    assert [asked.line.split(" ")[0] for asked in hostile.asked] == ["CONNECT", "POST"]


async def test_a_wrong_proxy_password_leads_to_no_other_way() -> None:
    """It can be mended by who reads it."""
    async with HostileProxy(lambda _: refusal('Basic realm="x"')).running() as hostile:
        proxy = Proxy(ProxyConfig("127.0.0.1", hostile.port, "basic", "cctv", "wrong"))
        url, plain = parse_portal_url("https://portal.test"), parse_portal_url("http://portal.test")
        async with PortalClient(url, Outgoing(proxy, trusting().trust), plain) as client:
            with pytest.raises(PortalError, match="refuses the user name or password") as no:
                await ask(client)
    assert no.value.code == "proxy_auth_failed"
    assert len(hostile.asked) == 1


@pytest.mark.parametrize("scheme", ["null", "digest"])
async def test_a_recorder_registers_through_a_proxy_that_passes_plain_http(
    scheme: str, port: int, tmp_path: Path
) -> None:
    config = {"null": (), "digest": ("digest", "cctv", "sesame")}[scheme]
    with squid_running(tmp_path / "squid", scheme, may_connect=False) as squid:
        async with Pipe(squid.port).running() as pipe:
            proxy = Proxy(ProxyConfig("127.0.0.1", pipe.port, *config))
            url = parse_portal_url(f"http://portal.test:{port}")
            identity = await enrol(url, "SECRET-CODE", "Gate", time.time(), proxy)
            assert b"SECRET-CODE" not in pipe.seen
    assert (identity.organisation, identity.http_url) == ("Harbour", "http://portal.test")


async def test_who_answers_first_must_be_a_portal(
    portal_app: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    """A relay node has keys too, and registers nobody."""
    node = Signer(Ed25519PrivateKey.generate(), "relay")
    async with serving(SealedHttp(portal_app, SealedHost("relay", lambda: node))) as port:
        url = parse_portal_url(f"http://{ELSEWHERE}:{port}")
        with pytest.raises(EnrolmentError, match="nobody's key is known"):
            await enrol(url, "CODE", "Gate", time.time())
    assert not portal_app.scopes


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"host_id": "portal", "keys": 7}', b"[]"])
async def test_an_address_that_is_no_portal_is_told(answer: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}"
    script: Callable[[object], bytes] = lambda _: head.encode() + b"\r\n\r\n" + answer  # noqa: E731
    async with HostileProxy(script).running() as host:
        url = parse_portal_url(f"http://{ELSEWHERE}:{host.port}")
        with pytest.raises(EnrolmentError, match="is not a Contera portal"):
            await enrol(url, "CODE", "Gate", time.time())
