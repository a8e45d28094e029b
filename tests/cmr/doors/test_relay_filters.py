"""L13: filters between recorder and relay are noticed within seconds, got around, and named."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.doors import relay_probe, relay_transport
from cmr.doors.relay import RelayDoor
from cmr.doors.relay_transport import Transport
from cmr.registration import Registration, RelayAccess
from protocol.fragments import Segment, SegmentReader
from protocol.tokens import Signer
from streaming.relay import feed
from tests.cmr.api.asking import END, START
from tests.cmr.conftest import Token
from tests.cmr.doors.conftest import Relay, relay_pass, until
from tests.cmr.doors.test_web import bearer
from tests.fakes.filter import Filter

Open = Callable[..., AbstractAsyncContextManager[tuple[RelayDoor, Filter]]]


@pytest.fixture
def through(api: Api, registration: Registration, portal: Signer, relay: Relay) -> Open:
    """A relay door behind a filter with these rules."""

    @asynccontextmanager
    async def open_(*rules: str) -> AsyncIterator[tuple[RelayDoor, Filter]]:
        async with Filter(int(relay.url.rpartition(":")[2]), set(rules)).running() as box:
            registration.set_relay(RelayAccess((box.url,), relay_pass(portal)))
            door = RelayDoor(api, registration)
            task = asyncio.create_task(door.run())
            await until(lambda: relay.hub.stats()["polls"] == 2)
            try:
                yield door, box
            finally:
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled(), task.exception()

    return open_


async def frames(
    client: aiohttp.ClientSession, relay: Relay, token: Token, count: int
) -> list[Segment]:
    """The first segments of camera 1, as a viewer gets them."""
    reader, found = SegmentReader(), list[Segment]()
    url = f"{relay.viewer_url}/v1/cameras/1/live?profile=hd"
    async with client.get(url, headers=bearer(token("live"))) as answer:
        assert answer.status == 200
        while len(found) < count:
            found += reader.feed(await answer.content.readany())
    return found


CASES = {
    "nothing": ((), Transport.STREAM, ""),
    "strips upgrades": (("strip",), Transport.STREAM, ""),
    "stumbles once": (("refuse_once", "strip"), Transport.STREAM, ""),
    "holds bodies": (("hold",), Transport.SOCKET, "holds request bodies"),
    "refuses the type": (("refuse",), Transport.SOCKET, "status 403"),
    "refuses it in answers": (("refuse_answers",), Transport.SOCKET, "refuses answers"),
    "holds and strips": (("hold", "strip"), Transport.SEGMENTS, "lets no WebSocket through"),
    "refuses and strips": (("refuse", "refuse_answers", "strip"), Transport.SEGMENTS, "403"),
}

STOPS = ("holds bodies", "holds and strips")  # by socket, by segments


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback shows sooner that nothing comes, and that nobody comes back."""
    monkeypatch.setattr(relay_probe, "STREAM_S", 1.0)
    monkeypatch.setattr(relay_transport, "SPACING_S", 0.1)
    monkeypatch.setattr(feed, "LINGER_S", 0.3)


@pytest.mark.parametrize("name", CASES)
async def test_video_passes_within_seconds_whatever_the_filter_does(
    through: Open,
    relay: Relay,
    client: aiohttp.ClientSession,
    sending: Camera,
    api: Api,
    token: Token,
    name: str,
) -> None:
    """The request is made before anything is known about the filter."""
    rules, transport, words = CASES[name]
    async with through(*rules) as (door, _):
        began = time.monotonic()
        found = await frames(client, relay, token, 30)
        took_s = time.monotonic() - began
        assert found[0].is_init
        assert any(one.is_key for one in found)
        assert door.transport.transport is transport
        assert words in door.transport.reason
        assert (transport in door.words) is (transport is not Transport.STREAM)
        assert took_s < 8  # 3 s to be sure, of which nothing else is on the way
        if name in STOPS:  # the viewer left: the recorder stops
            await until(lambda: len(api.streams) == 0, within_s=15)


@pytest.mark.parametrize("rules", [("hold",), ("hold", "strip")], ids=["socket", "segments"])
async def test_finite_answers_pass_whole(
    through: Open, relay: Relay, client: aiohttp.ClientSession, token: Token, rules: tuple[str, ...]
) -> None:
    url = f"{relay.viewer_url}/v1/cameras/1/clip.mp4?start={START}&end={END}"
    async with through(*rules):
        async with client.get(url, headers=bearer(token("export"))) as answer:
            data = await answer.read()
            assert (answer.status, len(data)) == (200, int(answer.headers["Content-Length"]))
        headers = {**bearer(token("export")), "Range": "bytes=10-1009"}
        async with client.get(url, headers=headers) as answer:
            assert (answer.status, await answer.read()) == (206, data[10:1010])
        wrong = f"{relay.viewer_url}/v1/cameras/1/nothing"
        async with client.get(wrong, headers=bearer(token())) as answer:
            assert answer.status == 404

        async def ask() -> int:
            async with client.get(f"{relay.viewer_url}/v1/", headers=bearer(token())) as answer:
                return answer.status

        assert set(await asyncio.gather(*(ask() for _ in range(40)))) == {200}


async def test_a_filter_that_comes_later_is_noticed_and_one_that_goes_too(
    through: Open,
    relay: Relay,
    client: aiohttp.ClientSession,
    sending: Camera,
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Down after the next live request, which is lost; up again after an hour (here: 0.5 s)."""
    monkeypatch.setattr(relay_transport, "TRUSTED_S", 0.0)
    monkeypatch.setattr(relay_transport, "BETTER_AFTER_S", 0.5)
    async with through() as (door, box):
        await frames(client, relay, token, 3)
        await until(lambda: relay.hub.stats()["feeds"] == 0, within_s=15)
        box.rules = {"hold"}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(frames(client, relay, token, 3), 1.0)
        await until(lambda: door.transport.transport is Transport.SOCKET)
        await frames(client, relay, token, 3)
        assert "relay: answers go to" in caplog.text
        box.rules = set()
        await until(lambda: door.transport.transport is Transport.STREAM, within_s=15)
        await until(lambda: relay.hub.stats()["link_sockets"] == 0, within_s=15)


async def test_nothing_waits_below_the_socket(through: Open) -> None:
    """R6: aiohttp has no public name for it; this fails when an update has another."""
    async with through("hold") as (door, _):
        answers = door._answers
        await until(lambda: answers._socket is not None, within_s=15)
        assert answers._socket is not None
        writer = answers._socket._socket._writer
        assert writer._limit == 0
        assert isinstance(writer._output_size, int)
        assert writer.transport.get_write_buffer_limits() == (0, 0)


async def test_a_socket_that_breaks_is_replaced(
    through: Open, relay: Relay, client: aiohttp.ClientSession, sending: Camera, token: Token
) -> None:
    async with through("hold") as (door, _):
        await frames(client, relay, token, 3)
        sockets = relay.hub._sockets
        for socket in list(sockets.values()):
            socket.dismiss("test")
        await frames(client, relay, token, 3)
        assert door.transport.transport is Transport.SOCKET
