"""L12: proxies that refuse, lie, forget and hang. What is configured is never weakened."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from cmr import proxy as module
from cmr.connector import Outgoing
from cmr.proxy import Proxy, ProxyError
from cmr.proxy_config import ProxyConfig
from tests.fakes.certificate import self_signed
from tests.fakes.hostile_proxy import HTML, OK, Asked, HostileProxy, Script, digest, refusal
from tests.fakes.pipe import Pipe

PASSWORD = "open sesame"


def proxy_at(port: int, scheme: str = "digest", **named: Callable[[], float]) -> Proxy:
    if scheme == "null":
        return Proxy(ProxyConfig("127.0.0.1", port), **named)
    return Proxy(ProxyConfig("127.0.0.1", port, scheme, "cctv", PASSWORD), **named)


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A host that says back what it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def passes(proxy: Proxy) -> bool:
    """True when bytes go through a tunnel and come back."""
    sock = await proxy.tunnel("portal.test", 443)
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(b"hello")
    data = await reader.read(100)
    writer.close()
    return data == b"hello"


def nonce_of(asked: Asked) -> str:
    match = re.search(r'nonce="([^"]*)"', asked.said)
    return match[1] if match else ""


def new_nonce_each_time(asked: Asked) -> bytes | None:
    """One-time nonces: the newest alone is good, once."""
    is_good = nonce_of(asked) == f"n{asked.number - 1}"
    return None if is_good else refusal(digest(f"n{asked.number}"))


def stale_after_two(asked: Asked) -> bytes | None:
    wanted = f"n{(asked.number - 1) // 3}"
    if nonce_of(asked) == wanted:
        return None
    return refusal(digest(wanted, ", stale=true" if asked.said else ""))


@pytest.mark.parametrize("script", [new_nonce_each_time, stale_after_two])
async def test_nonces_that_run_out_are_replaced(script: Script, echo: int) -> None:
    """Each 407 ends its connection, too."""
    async with HostileProxy(script, echo).running() as hostile:
        proxy = proxy_at(hostile.port)
        for _ in range(5):
            assert await passes(proxy)
        assert proxy.problem is None


async def test_many_connections_share_one_challenge(echo: int) -> None:
    seen: list[str] = []

    def script(asked: Asked) -> bytes | None:
        count = re.search(r"nc=(\w+)", asked.said)
        seen.append(count[1] if count else "-")
        return None if asked.said else refusal(digest("n"))

    async with HostileProxy(script, echo).running() as hostile:
        proxy = proxy_at(hostile.port)
        assert all(await asyncio.gather(*(passes(proxy) for _ in range(10))))
    assert seen.count("-") == 1
    assert sorted(seen[1:]) == [f"{count:08x}" for count in range(1, 11)]  # never twice (replay)


REFUSALS: list[tuple[str, str, bytes, str, str]] = [
    ("the password", "digest", refusal(digest("n")), "proxy_auth_failed", "refuses the user name"),
    (
        "for ever stale",
        "digest",
        refusal(digest("n", ", stale=true")),
        "proxy_auth_failed",
        "again and again",
    ),
    (
        "only basic",
        "digest",
        refusal('Basic realm="firm"'),
        "proxy_auth_failed",
        "it offers Basic. The password is not sent",
    ),
    ("basic", "basic", refusal('Basic realm="x"'), "proxy_auth_failed", "refuses the user name"),
    ("no basic", "basic", refusal(digest("n")), "proxy_auth_failed", "not take Basic; it offers D"),
    ("nobody", "null", refusal(digest("n")), "proxy_auth_failed", "asks for a user name"),
    (
        "forbidden",
        "null",
        refusal(status="403 Blocked by policy 7"),
        "proxy_refuses",
        "refuses a connection to portal.test:443: 403 Blocked by policy 7",
    ),
    (
        "behind it nothing",
        "null",
        refusal(status="503 Service Unavailable"),
        "proxy_cannot_reach",
        "cannot reach portal.test:443: 503",
    ),
    ("html", "null", OK + HTML, "proxy_not_http", "says that it connects"),
    ("no http", "null", b"220 mail.test ESMTP close\r\n", "proxy_not_http", "not answer as an"),
    ("nothing", "null", b"", "proxy_unreachable", "does not answer"),
]


@pytest.mark.parametrize(
    ("scheme", "answer", "code", "words"),
    [row[1:] for row in REFUSALS],
    ids=[r[0] for r in REFUSALS],
)
async def test_a_refusal_is_named(
    scheme: str, answer: bytes, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.5 if not answer else 10)
    async with HostileProxy(lambda _: answer).running() as hostile:
        proxy = proxy_at(hostile.port, scheme)
        with pytest.raises(ProxyError, match=re.escape(words)) as caught:
            await proxy.tunnel("portal.test", 443)
    assert caught.value.code == code
    assert f"The proxy 127.0.0.1:{hostile.port} " in str(caught.value)
    assert proxy.words == str(caught.value)
    everything = str(hostile.asked) + str(caught.value) + repr(proxy.config)
    assert PASSWORD not in everything
    if scheme == "digest":
        assert "Basic" not in str([asked.said for asked in hostile.asked])


async def test_a_refused_password_is_tried_again_after_a_minute(echo: int) -> None:
    now = 0.0
    is_right = False

    def script(asked: Asked) -> bytes | None:
        return None if asked.said and is_right else refusal(digest(f"n{asked.number}"))

    async with HostileProxy(script, echo).running() as hostile:
        proxy = proxy_at(hostile.port, clock=lambda: now)
        for _ in range(5):
            with pytest.raises(ProxyError, match="refuses the user name"):
                await proxy.tunnel("portal.test", 443)
        assert len(hostile.asked) == 2
        now, is_right = 61.0, True
        assert await passes(proxy)


async def test_refused_tunnels_are_still_told_while_plain_requests_pass() -> None:
    """The heartbeat that travels sealed says why it does."""
    refused = refusal(status="403 Forbidden")
    async with HostileProxy(lambda _: refused).running() as hostile:
        proxy = proxy_at(hostile.port, "null")
        assert proxy.report()["detail"] == ""
        with pytest.raises(ProxyError):
            await proxy.tunnel("portal.test", 443)
        sock, said = await proxy.forward("http://portal.test/", "POST", "http://portal.test/")
        sock.close()
    assert said == ""
    assert "refuses a connection to portal.test:443" in str(proxy.report()["detail"])


async def test_a_proxy_that_is_not_there_is_named() -> None:
    async with HostileProxy(lambda _: b"").running() as hostile:
        port = hostile.port
    with pytest.raises(ProxyError, match=f"127.0.0.1:{port} cannot be reached: conn") as caught:
        await proxy_at(port).tunnel("portal.test", 443)
    assert caught.value.code == "proxy_unreachable"


async def test_an_endless_head_is_not_kept() -> None:
    async with HostileProxy(
        lambda _: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000
    ).running() as hostile:
        with pytest.raises(ProxyError, match="does not answer as an HTTP proxy"):
            await proxy_at(hostile.port, "null").tunnel("portal.test", 443)


async def test_html_instead_of_tls_is_named() -> None:
    """200 to CONNECT; the page comes once we speak."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + HTML)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    outgoing = Outgoing(proxy_at(server.sockets[0].getsockname()[1], "null"))
    async with outgoing.session(aiohttp.ClientTimeout(total=10)) as session:
        with pytest.raises(ProxyError, match="says that it connects") as caught:
            await session.get("https://portal.test/")
    assert caught.value.code == "proxy_not_http"
    assert outgoing.words == str(caught.value)
    server.close()


async def test_interception_by_the_proxy_is_named_with_its_issuer(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "portal.test", "Firm Filter")
    async with (
        Pipe(1).running(certificate) as filtered,
        HostileProxy(lambda _: None, filtered.port).running() as hostile,
    ):
        outgoing = Outgoing(proxy_at(hostile.port, "null"))
        async with outgoing.session(aiohttp.ClientTimeout(total=10)) as session:
            with pytest.raises(aiohttp.ClientError, match="issued by Firm Filter"):
                await session.get("https://portal.test/", headers={"Authorization": "secret"})
    assert filtered.seen == b""


async def test_aiohttp_still_makes_connections_where_we_expect_it(
    tmp_path: Path, echo: int
) -> None:
    """`Connector` overrides what aiohttp's own connectors override: an update that moves it must
    fail here, not send a request past the proxy."""
    certificate = self_signed(tmp_path, "portal.test")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()

    plain = await asyncio.start_server(serve, "127.0.0.1", 0)
    target = plain.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with (
        Pipe(target).running(certificate) as tls,
        HostileProxy(lambda _: None, tls.port).running() as hostile,
    ):
        outgoing = Outgoing(proxy_at(hostile.port, "basic"))
        timeout = aiohttp.ClientTimeout(total=10)
        async with outgoing.session(timeout, ssl=trusting) as session:
            for _ in range(3):  # the third on a connection that was kept
                async with session.get("https://portal.test/") as answer:
                    assert answer.status == 204
        assert [asked.line for asked in hostile.asked] == ["CONNECT portal.test:443 HTTP/1.1"]
    plain.close()
