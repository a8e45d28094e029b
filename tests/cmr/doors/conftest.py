"""Doors of a recorder whose portal and relay use the real clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest

from cmr.api.routes import Api
from cmr.config import WebConfig
from cmr.doors.ports import Port, listen
from cmr.doors.relay import RelayDoor
from cmr.doors.web import WebDoor
from cmr.identity import Identity
from cmr.registration import Registration, RelayAccess
from contera.listening import Server, server_config
from contera.listening import listen as listen_as_relay
from protocol.tokens import KeyRing, Signer, sign_relay_pass
from streaming.relay.asgi import RelayApp
from streaming.relay.hub import Hub
from tests.cmr.conftest import RECORDER_ID, Token


@pytest.fixture
def registration(identity: Identity) -> Registration:
    return Registration(identity)


@pytest.fixture
def token(token: Token) -> Token:
    """As the cast's, from now on."""
    return partial(token, now=int(time.time()))


@pytest.fixture
async def web(api: Api) -> AsyncIterator[str]:
    """The address of a web door."""
    sock = listen(WebConfig("127.0.0.1", 0))
    task = asyncio.create_task(WebDoor(api).run(Port(sock)))
    await asyncio.sleep(0)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    task.cancel()
    await asyncio.wait([task])
    sock.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        yield session


class Relay:
    """A real relay node on loopback."""

    def __init__(self, portal: Signer) -> None:
        self.hub = Hub(lambda: KeyRing({"keys": [portal.jwk]}))
        self.url = ""

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[None]:
        sock = listen_as_relay("127.0.0.1", port)
        server = Server(server_config(RelayApp(self.hub)))
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            await asyncio.wait([task], timeout=10)
            sock.close()

    @property
    def viewer_url(self) -> str:
        """Where viewers ask the recorder."""
        return f"{self.url}/relay/v1/recorders/{RECORDER_ID}"


@pytest.fixture
async def relay(portal: Signer) -> AsyncIterator[Relay]:
    node = Relay(portal)
    async with node.running():
        yield node


def relay_pass(portal: Signer) -> str:
    return sign_relay_pass(portal, RECORDER_ID, "test", int(time.time()))


@pytest.fixture
async def door(
    api: Api, registration: Registration, portal: Signer, relay: Relay
) -> AsyncIterator[RelayDoor]:
    """A relay door that is linked."""
    registration.set_relay(RelayAccess((relay.url,), relay_pass(portal)))
    made = RelayDoor(api, registration)
    task = asyncio.create_task(made.run())
    await until(lambda: relay.hub.stats()["polls"] == 2)
    yield made
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def until(is_true: Callable[[], object], within_s: float = 15.0) -> None:
    """Waits for something that other tasks do."""
    async with asyncio.timeout(within_s):
        while not is_true():
            await asyncio.sleep(0.01)
