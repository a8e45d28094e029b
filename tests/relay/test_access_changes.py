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
from tests.relay.cast import FakeClock, access_token
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
        self._client, self._relay = client, relay
        self._token = headers(user=user)
        self.stream_id = ""

    async def begin(self, stack: AsyncExitStack) -> None:
        watching = self._client.get(address(self._relay, LIVE), headers=self._token)
        self._got = await stack.enter_async_context(watching)
        self.stream_id = self._got.headers["Contera-Stream"]
        await self._got.content.readany()

    async def ends(self) -> None:
        """Returns when it was cut: long before its token is over, and its camera stops."""
        with pytest.raises(aiohttp.ClientPayloadError):
            await self._got.read()

    async def goes_on(self) -> None:
        for _ in range(5):
            assert await self._got.content.readany()


async def change(client: aiohttp.ClientSession, relay: Relay, user: str) -> None:
    """As the portal tells it: with a token of that person that grants nothing."""
    token = headers(user=user, grants={1: set()}, paths=())
    async with client.post(address(relay, "/v1/access-changes"), headers=token) as told:
        assert told.status == 200  # what this site answers to everything


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
        earlier = FakeClock(time.time() - 1)
        before = access_token(earlier, user="anna", grants={1: set()}, paths=())
        renewal = address(relay, f"/v1/streams/{anna.stream_id}/renewal")
        async with client.post(renewal, headers=headers(user="anna")) as renewed:
            assert renewed.status == 204
        change = address(relay, "/v1/access-changes")
        async with client.post(change, headers={"Authorization": f"Bearer {before}"}):
            pass
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
