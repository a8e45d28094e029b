"""The relay door against the real relay."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.doors import relay as relay_door
from cmr.doors.relay import RelayDoor
from cmr.registration import Registration, RelayAccess
from protocol.fragments import SegmentReader
from protocol.tokens import Signer
from tests.cmr.api.asking import END, START
from tests.cmr.conftest import Token
from tests.cmr.doors.conftest import Relay, relay_pass, until
from tests.cmr.doors.test_web import bearer


async def test_a_viewer_reaches_the_recorder(
    door: RelayDoor, relay: Relay, client: aiohttp.ClientSession, token: Token
) -> None:
    async with client.get(f"{relay.viewer_url}/v1/cameras", headers=bearer(token())) as answer:
        assert answer.status == 200
        assert (await answer.json())["cameras"][0]["name"] == "Car park"
    assert door.words == f"linked through {relay.url}"


async def test_live_video_passes_frame_by_frame(
    door: RelayDoor, relay: Relay, client: aiohttp.ClientSession, sending: Camera, token: Token
) -> None:
    reader, segments = SegmentReader(), []
    url = f"{relay.viewer_url}/v1/cameras/1/live?profile=hd"
    async with client.get(url, headers=bearer(token("live"))) as answer:
        began = time.monotonic()
        while len(segments) < 30:
            segments += reader.feed(await answer.content.readany())
    assert segments[0].is_init
    assert time.monotonic() - began < 2  # 30 frames of 50 a second, a group of pictures at once


async def test_it_stops_sending_when_nobody_watches(
    door: RelayDoor,
    relay: Relay,
    client: aiohttp.ClientSession,
    sending: Camera,
    api: Api,
    token: Token,
) -> None:
    url = f"{relay.viewer_url}/v1/cameras/1/live?profile=hd"
    async with client.get(url, headers=bearer(token("live"))) as answer:
        await answer.content.readany()
        assert len(api.streams) == 1
        answer.close()
    await until(lambda: len(api.streams) == 0, within_s=10)


async def test_a_large_answer_arrives_whole(
    door: RelayDoor, relay: Relay, client: aiohttp.ClientSession, token: Token
) -> None:
    url = f"{relay.viewer_url}/v1/cameras/1/clip.mp4?start={START}&end={END}"
    async with client.get(url, headers=bearer(token("export"))) as answer:
        assert answer.status == 200
        data = await answer.read()
        etag = answer.headers["ETag"]
    headers = {**bearer(token("export")), "Range": "bytes=10-1009", "If-Range": etag}
    async with client.get(url, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (206, data[10:1010])


async def test_the_recorder_itself_checks_the_right(
    door: RelayDoor, relay: Relay, client: aiohttp.ClientSession, token: Token
) -> None:
    """R13: the relay passes what it is asked; the recorder refuses it."""
    for target, status in {
        f"/v1/cameras/1/clip.mp4?start={START}&end={END}": 403,
        "/v1/cameras/1/nothing": 404,
        "/%2e%2e/etc/passwd": 404,
    }.items():
        url = aiohttp.client.URL(relay.viewer_url + target, encoded=True)
        async with client.get(url, headers=bearer(token("live"))) as answer:
            assert answer.status == status


async def test_many_requests_at_once_are_all_answered(
    door: RelayDoor, relay: Relay, client: aiohttp.ClientSession, token: Token
) -> None:
    headers = bearer(token())

    async def ask() -> int:
        async with client.get(f"{relay.viewer_url}/v1/", headers=headers) as answer:
            return answer.status

    assert set(await asyncio.gather(*(ask() for _ in range(60)))) == {200}


async def test_beyond_the_bound_it_says_that_it_is_busy(
    door: RelayDoor,
    relay: Relay,
    client: aiohttp.ClientSession,
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_door, "MAX_EXCHANGES", 0)
    async with client.get(f"{relay.viewer_url}/v1/", headers=bearer(token())) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (503, "busy")


async def test_the_relay_coming_back_is_noticed(
    api: Api,
    registration: Registration,
    portal: Signer,
    client: aiohttp.ClientSession,
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """R8: viewers are served again soon after; one line for the loss, one for the recovery."""
    monkeypatch.setattr(relay_door, "RETRY_CAP_S", 0.2)
    caplog.set_level("INFO")
    relay = Relay(portal)
    async with relay.running():
        registration.set_relay(RelayAccess((relay.url,), relay_pass(portal)))
        task = asyncio.create_task(RelayDoor(api, registration).run())
        await until(lambda: relay.hub.stats()["polls"] == 2)
    await until(lambda: "relay:" in caplog.text)
    await asyncio.sleep(0.5)
    again = Relay(portal)
    async with again.running(int(relay.url.rpartition(":")[2])):
        await until(lambda: again.hub.stats()["polls"] == 2)
        async with client.get(f"{again.viewer_url}/v1/", headers=bearer(token())) as answer:
            assert answer.status == 200
        task.cancel()
        await asyncio.wait([task])
    lost = [line for line in caplog.messages if line.startswith("relay: http")]
    found = [line for line in caplog.messages if line.startswith("relay: linked")]
    assert (len(lost), "failed tries" in found[-1]) == (1, True)


async def test_the_next_node_is_tried(
    api: Api,
    registration: Registration,
    portal: Signer,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_door, "RETRY_CAP_S", 0.05)
    dead = "http://127.0.0.1:1"
    registration.set_relay(RelayAccess((dead, dead, relay.url), relay_pass(portal)))
    task = asyncio.create_task(RelayDoor(api, registration).run())
    await until(lambda: relay.hub.stats()["polls"] == 2)
    task.cancel()
    await asyncio.wait([task])


async def test_a_refused_pass_is_replaced(
    api: Api,
    registration: Registration,
    portal: Signer,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The portal is asked for another at once, and that one is used without waiting further."""
    monkeypatch.setattr(relay_door, "RETRY_BASE_S", 1000.0)
    monkeypatch.setattr(relay_door, "RETRY_CAP_S", 1000.0)
    registration.set_relay(RelayAccess((relay.url,), "expired"))
    task = asyncio.create_task(RelayDoor(api, registration).run())
    async with asyncio.timeout(5):
        await registration.heartbeat_wanted()
    registration.set_relay(RelayAccess((relay.url,), relay_pass(portal)))
    await until(lambda: relay.hub.stats()["polls"] == 2)
    task.cancel()
    await asyncio.wait([task])


async def test_a_newer_program_takes_over(
    door: RelayDoor,
    relay: Relay,
    api: Api,
    registration: Registration,
    client: aiohttp.ClientSession,
    token: Token,
) -> None:
    """R2."""
    task = asyncio.create_task(RelayDoor(api, registration).run())
    await until(lambda: "another recorder program" in door.words)
    async with client.get(f"{relay.viewer_url}/v1/", headers=bearer(token())) as answer:
        assert answer.status == 200
    task.cancel()
    await asyncio.wait([task])


async def test_a_stream_through_the_relay_outlives_its_first_token(
    door: RelayDoor, relay: Relay, client: aiohttp.ClientSession, sending: Camera, token: Token
) -> None:
    """Its 60 s have 35 left: the relay renews its own request with a fresher token at once."""
    old, fresh = token(now=int(time.time()) - 25), token()
    assert old != fresh
    url = f"{relay.viewer_url}/v1/cameras/1/live?profile=hd"
    async with client.get(url, headers=bearer(old)) as answer:
        await answer.content.readany()
        stream = answer.headers["Contera-Stream"]
        renewal = f"{relay.viewer_url}/v1/streams/{stream}/renewal"
        async with client.post(renewal, headers=bearer(fresh)) as renewed:
            assert renewed.status == 204
