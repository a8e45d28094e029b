"""Answers in bounded requests, and the probe of what a filter lets through (L13)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator

import aiohttp
import pytest

from protocol.http_message import RESPONSE_TYPE, UNTYPED
from streaming.relay.limits import MAX_PART_BYTES, MAX_PROBE_BYTES, MAX_RECORDER_PROBES
from streaming.relay.probes import Probes
from streaming.relay.refusals import Refusal
from tests.relay.cast import BOOT, INIT, LIVE_HEAD, OTHER, RECORDER, access_token, frame, relay_pass
from tests.relay.real import Relay, now, running_relay, until

PROBE = "0123456789abcdef" * 2
OK = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"


def headers(recorder: str = RECORDER) -> dict[str, str]:
    return {"Authorization": f"Bearer {relay_pass(now(), recorder)}", "Contera-Boot": BOOT}


@pytest.fixture(params=["direct", "plain"])
async def relay(request: pytest.FixtureRequest) -> AsyncIterator[Relay]:
    async with running_relay(is_direct=request.param == "direct") as relay:
        yield relay


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as client:
        yield client


class Asked:
    """A viewer's request, and the exchange that the recorder's poll brought for it."""

    def __init__(self, relay: Relay, client: aiohttp.ClientSession) -> None:
        self.relay = relay
        self.client = client
        self.exchange = ""
        self.viewer: aiohttp.ClientResponse | None = None

    async def ask(self, path: str) -> None:
        accept = {"Accept": UNTYPED}
        url = f"{self.relay.url}/next"
        async with asyncio.TaskGroup() as tasks:
            poll = tasks.create_task(self._poll(url, accept))
            await until(lambda: self.relay.hub.is_linked(RECORDER))
            self.viewing = asyncio.create_task(self._view(path))
            await poll

    async def _poll(self, url: str, accept: dict[str, str]) -> None:
        async with self.client.get(url, headers={**headers(), **accept}) as answer:
            assert answer.headers["Content-Type"] == UNTYPED
            self.exchange = answer.headers["Exchange-Id"]
            await answer.read()

    async def _view(self, path: str) -> aiohttp.ClientResponse:
        url = f"{self.relay.url}/recorders/{RECORDER}/v1/{path}"
        authorization = {"Authorization": f"Bearer {access_token(now())}"}
        return await self.client.get(url, headers=authorization)

    async def part(
        self, number: int, data: bytes, *, last: bool = False, who: str = RECORDER
    ) -> int:
        url = f"{self.relay.url}/exchanges/{self.exchange}/parts/{number}"
        url += "?last" if last else ""
        async with self.client.post(url, data=data, headers=headers(who)) as answer:
            return answer.status


@pytest.fixture
async def asked(relay: Relay, client: aiohttp.ClientSession) -> AsyncIterator[Asked]:
    asked = Asked(relay, client)
    yield asked
    asked.viewing.cancel()
    await asyncio.wait([asked.viewing])


async def test_a_large_answer_in_parts_arrives_whole(asked: Asked) -> None:
    """A viewer that does not read holds the next part back; nothing piles up."""
    clip = os.urandom(16 * 1024 * 1024)  # more than all socket buffers
    await asked.ask("cameras/1/clip.mp4")
    head = OK + b"Content-Length: %d\r\n\r\n" % len(clip)
    parts = [head] + [clip[at : at + MAX_PART_BYTES] for at in range(0, len(clip), MAX_PART_BYTES)]

    async def send() -> set[int]:
        last = len(parts) - 1
        return {await asked.part(n, data, last=n == last) for n, data in enumerate(parts)}

    sending = asyncio.create_task(send())
    viewer = await asked.viewing
    await asyncio.sleep(0.3)
    assert not sending.done()
    assert await viewer.read() == clip
    assert await sending == {204}


async def test_a_recorder_that_does_not_wait_is_stopped(asked: Asked) -> None:
    """R5: parts sent without waiting for the viewer would pile up in the relay."""
    await asked.ask("cameras/1/clip.mp4")
    count = 64  # 16 MiB: more than all socket buffers
    head = OK + b"Content-Length: %d\r\n\r\n" % (count * MAX_PART_BYTES)
    assert await asked.part(0, head) == 204
    await asked.viewing  # and reads nothing
    waiting: set[asyncio.Task[int]] = set()
    statuses: set[int] = set()
    for number in range(1, count + 1):
        waiting.add(asyncio.create_task(asked.part(number, bytes(MAX_PART_BYTES))))
        done, waiting = await asyncio.wait(waiting, timeout=0.5)
        statuses |= {task.result() for task in done}
        if 409 in statuses:
            break
    assert statuses == {204, 409}
    (await asked.viewing).close()
    await asyncio.wait(waiting, timeout=20)


async def test_live_video_in_parts_is_seen_as_it_comes(asked: Asked) -> None:
    await asked.ask("cameras/1/live?profile=sd")
    assert await asked.part(0, LIVE_HEAD + INIT + frame(0, is_key=True)) == 204
    viewer = await asked.viewing
    assert await viewer.content.readexactly(len(INIT)) == INIT
    assert await asked.part(1, b"") == 204
    assert await asked.part(2, frame(1) + frame(2)) == 204
    rest = frame(0, is_key=True) + frame(1) + frame(2)
    assert await viewer.content.readexactly(len(rest)) == rest


async def test_a_part_that_was_repeated_counts_once(asked: Asked) -> None:
    """Its answer was lost on the way."""
    await asked.ask("cameras")
    whole = OK + b"Content-Length: 6\r\n\r\n"
    statuses = [
        await asked.part(0, whole),
        await asked.part(0, whole),
        await asked.part(1, b"abc"),
        await asked.part(1, b"abc"),
        await asked.part(3, b"def"),
        await asked.part(2, b"def", last=True),
        await asked.part(2, b"def", last=True),
    ]
    assert statuses == [204, 204, 204, 204, 409, 204, 404]
    assert await (await asked.viewing).read() == b"abcdef"


async def test_the_recorder_stops_when_the_viewer_left(asked: Asked, relay: Relay) -> None:
    await asked.ask("cameras/1/video")
    await asked.part(0, OK + b"\r\n")
    (await asked.viewing).close()
    await until(lambda: relay.hub.stats()["exchanges"] == 0)
    assert await asked.part(1, b"x") in {404, 409}


async def test_a_foreign_recorder_answers_nothing(asked: Asked) -> None:
    """R3."""
    await asked.ask("cameras")
    assert await asked.part(0, OK + b"\r\nforged", who=OTHER) == 404
    assert await asked.part(0, OK + b"Content-Length: 2\r\n\r\n") == 204
    assert await asked.part(1, b"no", who=OTHER) == 404
    assert await asked.part(1, b"ok", last=True) == 204
    assert await (await asked.viewing).read() == b"ok"


async def test_parts_are_bounded(asked: Asked) -> None:
    await asked.ask("cameras")
    assert await asked.part(0, bytes(MAX_PART_BYTES + 1)) == 413


async def test_a_part_needs_a_pass(relay: Relay, client: aiohttp.ClientSession) -> None:
    url = f"{relay.url}/exchanges/{PROBE}/parts/0"
    async with client.post(url, data=b"x") as answer:
        assert answer.status == 401


async def received(relay: Relay, client: aiohttp.ClientSession, who: str = RECORDER) -> int:
    async with client.get(f"{relay.url}/probes/{PROBE}", headers=headers(who)) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, RESPONSE_TYPE)
        head, _, body = (await answer.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        return int(json.loads(body)["received"])


async def test_a_probe_tells_what_has_arrived_while_it_is_sent(
    relay: Relay, client: aiohttp.ClientSession
) -> None:
    """Its own recorder alone."""
    has_more = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(3000)
        await has_more.wait()

    async def probe() -> int:
        url = f"{relay.url}/probes/{PROBE}"
        typed = {**headers(), "Content-Type": RESPONSE_TYPE}
        async with client.post(url, data=body(), headers=typed) as answer:
            return answer.status

    assert await received(relay, client) == 0
    probing = asyncio.create_task(probe())
    async with asyncio.timeout(10):
        while await received(relay, client) < 3000:
            await asyncio.sleep(0.01)
    assert await received(relay, client, OTHER) == 0
    has_more.set()
    assert await probing == 204
    assert await received(relay, client) == 0


async def test_a_probe_is_bounded_and_needs_a_pass(
    relay: Relay, client: aiohttp.ClientSession
) -> None:
    url = f"{relay.url}/probes/{PROBE}"
    async with client.post(url, data=b"x") as answer:
        assert answer.status == 401
    async with client.get(url) as answer:
        assert answer.status == 401

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_PROBE_BYTES // 1024 * 4):
            yield bytes(1024)
        await asyncio.sleep(30)

    async with client.post(url, data=endless(), headers=headers()) as answer:
        assert answer.status == 204


async def test_one_recorder_does_not_take_the_probes_of_all() -> None:
    """R5."""
    probes = Probes()
    for number in range(MAX_RECORDER_PROBES):
        probes.begin((RECORDER, f"{number:032x}"))
    with pytest.raises(Refusal) as refused:
        probes.begin((RECORDER, PROBE))
    assert refused.value.status == 503
    probes.begin((OTHER, PROBE))
    probes.end((RECORDER, f"{0:032x}"))
    probes.begin((RECORDER, PROBE))
