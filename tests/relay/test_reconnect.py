"""R9: 2,000 recorders are cut at once. They come back spread out, and others hardly notice."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from random import Random
from statistics import median
from typing import Any

import aiohttp
import pytest

from cmr.backoff import Backoff
from cmr.doors.relay import RETRY_BASE_S, RETRY_CAP_S
from protocol.http_message import Request
from streaming.relay.hub import Hub
from tests.relay.cast import (
    BOOT,
    RECORDER,
    FakeClock,
    Site,
    access_token,
    any_uuid,
    relay_pass,
)
from tests.relay.real import RealSite, now, running_relay, until

RECORDERS = 2_000
LOSSES = 3  # failed tries, as while a node is restarted


def test_recorders_that_were_cut_together_do_not_come_back_together() -> None:
    """Full jitter: in no tenth of a second more than twice their share."""
    backs = []
    for number in range(RECORDERS):
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S, Random(number))
        backs.append(sum(backoff.next_wait_s() for _ in range(LOSSES + 1)))
    spread_s = max(backs) - min(backs)
    slots = [0] * (int(spread_s * 10) + 1)
    for back in backs:
        slots[int((back - min(backs)) * 10)] += 1
    assert max(slots) < 2 * 2.5 * RECORDERS / len(slots)
    assert sorted(backs)[RECORDERS * 99 // 100] < 60


@pytest.mark.django_db
def test_no_poll_and_no_reconnect_asks_the_database(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    """The relay knows passes by their signature alone; the one query is the heartbeat's own."""
    from accounts.signing import portal_keys, portal_signer
    from protocol.tokens import sign_relay_pass

    clock = FakeClock(time.time())
    token = sign_relay_pass(portal_signer(), RECORDER, "test", int(clock.unix()))

    async def polls() -> None:
        hub = Hub(portal_keys, clock())
        for boot in ("boot-number-one", "boot-number-two"):
            hub.verify_pass(token)
            Site(hub, boot=boot).poll()

    portal_keys()
    with django_assert_num_queries(0):
        asyncio.run(polls())


@pytest.fixture
def many_files() -> Iterator[None]:
    """Each recorder of the fleet has a socket here, and the relay has its other end."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 3 * RECORDERS), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Fleet:
    """Recorders that poll, as light as they can be: bare connections with a back-off each."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: set[asyncio.StreamWriter] = set()
        self._polls = [
            (
                f"GET /relay/v1/next HTTP/1.1\r\nHost: relay\r\nContera-Boot: {BOOT}\r\n"
                f"Authorization: Bearer {relay_pass(now(), any_uuid())}\r\n\r\n"
            ).encode()
            for _ in range(RECORDERS)
        ]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, poll in enumerate(self._polls):
                tasks.create_task(self._keep_polling(poll, Random(number)))

    def cut(self) -> None:
        """All at once, and rudely."""
        for writer in self._sockets:
            writer.transport.abort()

    async def _keep_polling(self, poll: bytes, random: Random) -> None:
        while True:
            await asyncio.sleep(Backoff(RETRY_BASE_S, RETRY_CAP_S, random).next_wait_s())
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self._sockets.add(writer)
                writer.write(poll)
                while (await reader.read(1024)).startswith(b"HTTP/1.1 204"):
                    writer.write(poll)
                self._sockets.discard(writer)


async def other_latencies(client: aiohttp.ClientSession, url: str) -> AsyncIterator[float]:
    """How long a request to a recorder takes that was not cut, in seconds."""
    headers = {"Authorization": f"Bearer {access_token(now(), recorder=RECORDER)}"}
    while True:
        began = time.monotonic()
        async with client.get(url, headers=headers) as answer:
            assert answer.status == 200
            await answer.read()
        yield time.monotonic() - began
        await asyncio.sleep(0.02)


async def hello(_: Request) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.usefixtures("many_files")
async def test_two_thousand_are_back_and_others_hardly_notice() -> None:
    """On one event loop here with the fleet itself, which costs more than the relay does."""
    async with running_relay() as relay, RealSite(relay, hello).online():
        fleet = Fleet(relay.port)
        running = asyncio.create_task(fleet.run())
        url = f"{relay.url}/recorders/{RECORDER}/v1/"
        # RealSite keeps two polls open.
        await until(lambda: relay.hub.stats()["polls"] >= RECORDERS, 60)
        fleet.cut()
        began, latencies = time.monotonic(), []
        async with aiohttp.ClientSession() as client:
            await until(lambda: relay.hub.stats()["polls"] < RECORDERS // 10, 20)
            async for latency_s in other_latencies(client, url):
                latencies.append(latency_s)
                if relay.hub.stats()["polls"] >= RECORDERS * 99 // 100:
                    break
                assert time.monotonic() - began < 60
        running.cancel()
        await asyncio.wait([running])
    assert median(latencies) < 1
