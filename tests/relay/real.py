"""The relay behind a real server on loopback, and a recorder that talks to it over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvicorn

from contera.listening import Server, listen, server_config
from protocol.http_message import RESPONSE_TYPE, Request, parse_request
from protocol.session import MAX_MESSAGE_BYTES
from streaming.relay.asgi import RelayApp
from streaming.relay.hub import Hub
from tests.relay.cast import BOOT, KEYS, RECORDER, FakeClock, relay_pass

ORIGIN = "https://portal.example"
Handler = Callable[[Request], AsyncIterator[bytes]]


@dataclass
class Relay:
    hub: Hub
    port: int
    server: uvicorn.Server
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/relay/v1"

    async def stop(self) -> None:
        self.server.should_exit = True
        await self.task


@contextlib.asynccontextmanager
async def running_relay(*, is_direct: bool = True) -> AsyncIterator[Relay]:
    """`is_direct`: with our connections, as all our programs; else on uvicorn as it comes."""
    hub = Hub(lambda: KEYS)
    app = RelayApp(hub, [ORIGIN])
    listener = listen("127.0.0.1", 0)
    config = server_config(app) if is_direct else plain_config(app)
    server = Server(config)
    task = asyncio.create_task(server.serve([listener]))
    relay = Relay(hub, listener.getsockname()[1], server, task)
    await until(lambda: server.started)
    try:
        yield relay
    finally:
        await relay.stop()


def plain_config(app: RelayApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )


@dataclass
class RealSite:
    """A recorder: two polls, and a task for each answer. `outcomes` are the statuses of POSTs."""

    relay: Relay
    handler: Handler
    outcomes: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    poll_statuses: list[int] = field(default_factory=list)
    _answers: list[asyncio.Task[None]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def online(self) -> AsyncIterator[RealSite]:
        async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as tasks:
            polls = [tasks.create_task(self._poll(client, tasks)) for _ in range(2)]
            await until(lambda: self.relay.hub.is_linked(RECORDER))
            yield self
            for task in [*polls, *self._answers]:
                task.cancel()

    async def _poll(self, client: aiohttp.ClientSession, tasks: asyncio.TaskGroup) -> None:
        headers = {"Authorization": f"Bearer {relay_pass(now())}", "Contera-Boot": BOOT}
        while True:
            async with client.get(f"{self.relay.url}/next", headers=headers) as answer:
                self.poll_statuses.append(answer.status)
                data = await answer.read()
            if answer.headers.get("Connection") == "close":
                return
            if answer.status == 200:
                self.requests.append(parse_request(data))
                exchange = answer.headers["Exchange-Id"]
                answer_task = self._answer(client, exchange, self.requests[-1])
                self._answers.append(tasks.create_task(answer_task))

    async def _answer(self, client: aiohttp.ClientSession, exchange: str, request: Request) -> None:
        headers = {"Authorization": f"Bearer {relay_pass(now())}", "Content-Type": RESPONSE_TYPE}
        url = f"{self.relay.url}/exchanges/{exchange}"
        with contextlib.suppress(aiohttp.ClientError):
            async with client.post(url, headers=headers, data=self.handler(request)) as answer:
                self.outcomes.append(answer.status)


def now() -> FakeClock:
    """Tokens for programs that read the real clock."""
    return FakeClock(time.time())


async def until(is_true: Callable[[], Any], deadline_s: float = 5.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not is_true():
            await asyncio.sleep(0.01)


async def raw_exchange(port: int, data: bytes) -> bytes:
    """Everything the server says to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


def stalled_socket(port: int, data: bytes) -> socket.socket:
    """A viewer that asks and then reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    sock.connect(("127.0.0.1", port))
    sock.sendall(data)
    return sock
