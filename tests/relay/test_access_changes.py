"""A6: the portal's word that rights changed ends what the relay serves, also where it comes by no
channel layer: sessions at a node of its own, and streams of programs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection

from protocol.session import MessageType, decode, encode
from protocol.tokens import PATHS
from tests.relay.cast import FakeClock, access_token, change_token
from tests.relay.real import RealSite, Relay, now, running_relay
from tests.relay.test_server import address, answer, connect, headers

LIVE = "/v1/cameras/1/live?profile=sd"


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    async with running_relay() as relay, RealSite(relay, answer).online():
        yield relay


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
        yield client


class Program:
    """Watches by plain HTTP."""

    def __init__(self, client: aiohttp.ClientSession, relay: Relay, user: str) -> None:
        self._client, self._relay, self._user = client, relay, user
        self._token = headers(user=user)
        self.stream_id = ""

    async def begin(self, stack: AsyncExitStack) -> None:
        watching = self._client.get(address(self._relay, LIVE), headers=self._token)
        self._got = await stack.enter_async_context(watching)
        self.stream_id = self._got.headers["Contera-Stream"]
        await self._got.content.readany()

    async def renew(self, clock: FakeClock) -> None:
        headers = {"Authorization": f"Bearer {access_token(clock, user=self._user)}"}
        renewal = address(self._relay, f"/v1/streams/{self.stream_id}/renewal")
        async with self._client.post(renewal, headers=headers) as renewed:
            assert renewed.status == 204

    async def ends(self) -> None:
        """Returns when it was cut: long before its token is over, and its camera stops."""
        with pytest.raises(aiohttp.ClientPayloadError):
            await self._got.read()

    async def goes_on(self) -> None:
        for _ in range(5):
            assert await self._got.content.readany()


async def change(client: aiohttp.ClientSession, relay: Relay, user: str) -> None:
    """As the portal tells it: with a token of that person that grants nothing."""
    assert await tell(client, relay, change_token(now(), user)) == 200  # as this site does always


async def tell(client: aiohttp.ClientSession, relay: Relay, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with client.post(address(relay, "/v1/access-changes"), headers=headers) as told:
        return told.status


async def test_a_programs_stream_ends_and_nobody_elses(
    relay: Relay, client: aiohttp.ClientSession
) -> None:
    anna, bert = Program(client, relay, "anna"), Program(client, relay, "bert")
    async with AsyncExitStack() as stack:
        await anna.begin(stack)
        await bert.begin(stack)
        await change(client, relay, "anna")
        await anna.ends()
        await bert.goes_on()


async def test_a_stream_that_was_renewed_since_goes_on(
    relay: Relay, client: aiohttp.ClientSession
) -> None:
    anna = Program(client, relay, "anna")
    async with AsyncExitStack() as stack:
        await anna.begin(stack)
        await anna.renew(now())
        assert await tell(client, relay, change_token(FakeClock(time.time() - 1), "anna")) == 200
        await anna.goes_on()


@pytest.mark.parametrize(("later_s", "goes_on"), [(-0.002, False), (0.0, False), (0.002, True)])
async def test_the_order_counts_also_within_a_second(
    relay: Relay, client: aiohttp.ClientSession, later_s: float, goes_on: bool
) -> None:
    """By when the portal issued token and change, not by when it is told."""
    changed_at = int(time.time()) - 1 + 0.5
    anna = Program(client, relay, "anna")
    async with AsyncExitStack() as stack:
        await anna.begin(stack)
        await anna.renew(FakeClock(changed_at + later_s))
        assert await tell(client, relay, change_token(FakeClock(changed_at), "anna")) == 200
        await (anna.goes_on() if goes_on else anna.ends())


async def test_the_portal_alone_can_tell(relay: Relay, client: aiohttp.ClientSession) -> None:
    """R14: a viewer's token does nothing there, neither here nor at the recorder."""
    anna = Program(client, relay, "anna")
    async with AsyncExitStack() as stack:
        await anna.begin(stack)
        for paths in (PATHS, ()):
            assert await tell(client, relay, access_token(now(), user="anna", paths=paths)) == 403
        assert relay.hub.counters["exchange_done"] == 0
        await anna.goes_on()


async def test_a_session_is_asked_for_a_new_token(
    relay: Relay, client: aiohttp.ClientSession
) -> None:
    """With the one from before it ends after three seconds (tests/relay/test_session.py)."""
    async with connect(relay) as anna, connect(relay) as bert:
        await _show(anna, "anna")
        await _show(bert, "bert")
        await change(client, relay, "anna")
        assert b"renewal_required" in decode(await anna.recv()).payload
        await bert.send(encode(MessageType.PING, 0, b""))
        assert decode(await bert.recv()).type is MessageType.PONG


async def _show(socket: ClientConnection, user: str) -> None:
    await socket.send(encode(MessageType.RENEW, 0, access_token(now(), user=user).encode()))
    await socket.send(encode(MessageType.PING, 0, b""))
    assert decode(await socket.recv()).type is MessageType.PONG
