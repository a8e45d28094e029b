"""Sealed HTTP against who stands between, and who wants our memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from contera import sealed_exchange, sealed_tunnels
from contera.sealed_http import SealedHost, SealedHttp
from contera.sealed_tunnels import IDLE_S, LIFETIME_S, UNPROVEN_S, Tunnels, TunnelsFull
from protocol.sealed_http import (
    HELLO_PATH,
    KIND,
    PREFIX,
    Opener,
    format_number,
    request_channel,
    seal,
    seal_end,
    tunnel_id,
)
from protocol.sealing import ClientHandshake, SealedChannel, answer_hello
from tests.fakes.asgi_server import PORTAL, Echo, serving

GET = b"GET /hello HTTP/1.1\r\nHost: portal.test\r\n\r\n"


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def sealed(echo: Echo) -> SealedHttp:
    return SealedHttp(echo, SealedHost("portal", lambda: PORTAL))


class Wire:
    """Speaks to the server byte by byte, as somebody between could."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self._session = session

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        async with self._session.post(self.base + path, data=body) as answer:
            return answer.status, await answer.read()

    async def hello(self) -> tuple[str, SealedChannel]:
        handshake = ClientHandshake(KIND, "portal")
        status, hello = await self.post(HELLO_PATH, handshake.hello)
        assert status == 200
        return tunnel_id(handshake.hello, hello), handshake.finish(hello, PORTAL.jwk)


@pytest.fixture
async def wire(sealed: SealedHttp) -> AsyncIterator[Wire]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with serving(sealed) as port, aiohttp.ClientSession(timeout=timeout) as session:
        yield Wire(session, port)


def request_body(channel: SealedChannel, number: int, content: bytes = GET) -> bytes:
    one = request_channel(channel, number)
    return format_number(number) + seal(one, content) + seal_end(one)


async def test_a_recorded_request_cannot_be_made_again(wire: Wire, echo: Echo) -> None:
    name, channel = await wire.hello()
    body = request_body(channel, 1)
    status, answer = await wire.post(PREFIX + name, body)
    assert status == 200
    assert b"HTTP/1.1 200" in Opener(request_channel(channel, 1)).feed(answer)
    status, answer = await wire.post(PREFIX + name, body)
    assert (status, b'"replayed"' in answer) == (400, True)
    assert len(echo.scopes) == 1


async def test_the_same_request_twice_at_once_is_made_once(wire: Wire, echo: Echo) -> None:
    name, channel = await wire.hello()
    body = request_body(channel, 1)
    done = await asyncio.gather(*(wire.post(PREFIX + name, body) for _ in range(5)))
    assert sorted(status for status, _ in done) == [200, 400, 400, 400, 400]
    assert len(echo.scopes) == 1


async def test_a_request_is_good_in_its_own_tunnel_alone(wire: Wire, echo: Echo) -> None:
    name, channel = await wire.hello()
    other, _ = await wire.hello()
    status, answer = await wire.post(PREFIX + other, request_body(channel, 1))
    assert (status, b'"bad_seal"' in answer) == (400, True)
    assert not echo.scopes
    assert (await wire.post(PREFIX + name, request_body(channel, 1)))[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"short", bytes(8), bytes(40), b"\xff" * 5000],
    ids=["nothing", "half a number", "a number", "no record", "noise"],
)
async def test_noise_does_not_use_up_numbers(wire: Wire, echo: Echo, body: bytes) -> None:
    name, channel = await wire.hello()
    status, _ = await wire.post(PREFIX + name, body)
    assert status == 400
    assert (await wire.post(PREFIX + name, request_body(channel, 0)))[0] == 200
    assert len(echo.scopes) == 1


async def test_a_request_cut_short_is_not_made_whole(wire: Wire) -> None:
    """Its inner body has a length; who cuts it off cannot make the application believe it."""
    name, channel = await wire.hello()
    head = b"POST /hello HTTP/1.1\r\nHost: p\r\nContent-Length: 10\r\n\r\n12345"
    one = request_channel(channel, 1)
    with pytest.raises(aiohttp.ClientError):
        await wire.post(PREFIX + name, format_number(1) + seal(one, head))


@pytest.mark.parametrize(
    "content",
    [
        b"GET http://192.0.2.1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 600_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1",
        b"\x16\x03\x01 not http",
    ],
    ids=["absolute", "connect", "head", "upgrade", "long head", "two lengths", "no http"],
)
async def test_only_plain_requests_travel_sealed(wire: Wire, echo: Echo, content: bytes) -> None:
    name, channel = await wire.hello()
    status, _ = await wire.post(PREFIX + name, request_body(channel, 1, content))
    assert status == 400
    assert not echo.scopes


async def test_forwarding_headers_are_the_outer_ones(wire: Wire, echo: Echo) -> None:
    """L7: who is inside cannot choose the address it seems to come from."""
    name, channel = await wire.hello()
    lies = b"X-Forwarded-For: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\n"
    content = GET[:-2] + lies + b"Forwarded: for=10.0.0.1\r\n\r\n"
    assert (await wire.post(PREFIX + name, request_body(channel, 1, content)))[0] == 200
    assert [name for name, _ in echo.scopes[0]["headers"]] == [b"host"]


async def test_no_tunnel_in_a_tunnel(wire: Wire, echo: Echo, sealed: SealedHttp) -> None:
    name, channel = await wire.hello()
    content = GET.replace(b"/hello", f"{PREFIX}keys".encode())
    await wire.post(PREFIX + name, request_body(channel, 1, content))
    assert echo.scopes[0]["path"] == f"{PREFIX}keys"  # it is the application's business


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", HELLO_PATH, 404),
        ("POST", f"{PREFIX}keys", 404),
        ("POST", PREFIX + "0" * 32, 404),
        ("POST", PREFIX + "0" * 31, 404),
        ("GET", f"{PREFIX}keys", 200),
    ],
)
async def test_addresses_are_a_fixed_list(wire: Wire, method: str, path: str, status: int) -> None:
    url = wire.base + path
    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    "hello",
    [b"", b"x" * 36, b"CTS1" + bytes(32), b"y" * 9999],
    ids=["nothing", "no hello", "no key", "long"],
)
async def test_a_bad_hello_opens_nothing(wire: Wire, sealed: SealedHttp, hello: bytes) -> None:
    assert (await wire.post(HELLO_PATH, hello))[0] == 400
    assert len(sealed.tunnels) == 0


async def test_a_head_that_never_ends_is_given_up(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed_exchange, "HEAD_S", 0.2)
    name, channel = await wire.hello()

    async def slowly() -> AsyncIterator[bytes]:
        yield format_number(1) + seal(request_channel(channel, 1), b"GET / HTT")
        await asyncio.sleep(10)

    url = wire.base + PREFIX + name
    async with aiohttp.ClientSession() as session, session.post(url, data=slowly()) as answer:
        assert answer.status == 408


async def test_a_body_that_stops_is_given_up(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_exchange, "STALL_S", 0.2)
    name, channel = await wire.hello()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"

    async def slowly() -> AsyncIterator[bytes]:
        yield format_number(1) + seal(request_channel(channel, 1), head)
        await asyncio.sleep(10)

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.post(wire.base + PREFIX + name, data=slowly()) as answer:
                await answer.read()


async def test_a_body_that_drips_is_given_up(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2, slow-loris: only the relay's answers last as long as their video."""
    monkeypatch.setattr(sealed_exchange, "BODY_S", 0.3)
    name, channel = await wire.hello()
    one = request_channel(channel, 1)
    head = b"POST /relay/elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"

    drops = 0

    async def dripping() -> AsyncIterator[bytes]:
        nonlocal drops
        yield format_number(1) + seal(one, head)
        while drops < 400:
            await asyncio.sleep(0.05)
            yield seal(one, b"x")
            drops += 1

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.post(wire.base + PREFIX + name, data=dripping()) as answer:
                await answer.read()
    assert drops < 400


async def test_nothing_piles_up_behind_a_request(wire: Wire, echo: Echo) -> None:
    """Whoever says hello may send; what follows the request would wait as long as its answer."""
    name, channel = await wire.hello()
    one = request_channel(channel, 1)
    sent = 0

    async def on_and_on() -> AsyncIterator[bytes]:
        nonlocal sent
        yield format_number(1) + seal(one, GET.replace(b"/hello", b"/wait"))
        while sent < 512:
            yield seal(one, bytes(64 * 1024))
            sent += 1

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.post(wire.base + PREFIX + name, data=on_and_on()) as answer:
                await answer.read()
    assert sent < 512
    await asyncio.wait_for(echo.lost.wait(), 20)


async def test_a_tunnel_has_few_requests_at_once(
    wire: Wire, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed_tunnels, "MAX_REQUESTS", 2)
    name, channel = await wire.hello()
    waiting = GET.replace(b"/hello", b"/wait")
    held = [
        asyncio.create_task(wire.post(PREFIX + name, request_body(channel, number, waiting)))
        for number in (1, 2)
    ]
    while len(echo.scopes) < 2:
        await asyncio.sleep(0.01)
    assert (await wire.post(PREFIX + name, request_body(channel, 3)))[0] == 429
    for task in held:
        task.cancel()
    await asyncio.wait(held)


def a_channel() -> SealedChannel:
    return answer_hello(ClientHandshake(KIND, "portal").hello, PORTAL, KIND, "portal")[1]


def test_the_tunnel_used_longest_ago_makes_room() -> None:
    tunnels = Tunnels(limit=3)
    for number in range(3):
        tunnels.add(str(number), a_channel(), float(number))
    assert tunnels.get("0", 3) is not None  # used again: now 1 is the oldest
    tunnels.add("3", a_channel(), 4)
    assert [tunnels.get(name, 5) is not None for name in "0123"] == [True, False, True, True]


def test_tunnels_in_use_stay() -> None:
    tunnels = Tunnels(limit=1)
    tunnels.add("a", a_channel(), 0)
    tunnel = tunnels.get("a", 0)
    assert tunnel is not None
    with tunnel.in_use(lambda: 1), pytest.raises(TunnelsFull):
        tunnels.add("b", a_channel(), 1)
    tunnels.add("b", a_channel(), 2)


@pytest.mark.parametrize(
    ("is_proven", "age", "is_open"),
    [
        (False, UNPROVEN_S - 1, True),
        (False, UNPROVEN_S + 1, False),
        (True, IDLE_S - 1, True),
        (True, IDLE_S + 1, False),
    ],
)
def test_idle_tunnels_end(is_proven: bool, age: float, is_open: bool) -> None:
    tunnels = Tunnels()
    tunnels.add("a", a_channel(), 0)
    first = tunnels.get("a", 0)
    assert first is not None
    first.is_proven = is_proven
    assert (tunnels.get("a", age) is not None) == is_open


def test_no_tunnel_lives_for_ever_and_old_ones_are_swept() -> None:
    tunnels = Tunnels()
    tunnels.add("a", a_channel(), 0)
    first = tunnels.get("a", 0)
    assert first is not None
    with first.in_use(lambda: 0):
        assert tunnels.get("a", LIFETIME_S + 1) is None
    tunnels.add("b", a_channel(), 10)
    tunnels.add("c", a_channel(), 10 + UNPROVEN_S * 2)
    assert len(tunnels) == 1
