"""Live streams last as long as the token that sustains them."""

from __future__ import annotations

import asyncio

import pytest

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.registration import Registration
from protocol.fragments import Segment
from tests.cmr.api.asking import ask, body, content, problem, value
from tests.cmr.conftest import NOW, Token

LIVE = "/v1/cameras/1/live?profile=hd"


async def test_it_begins_with_the_current_group_of_pictures(
    api: Api, token: Token, segments: tuple[Segment, ...]
) -> None:
    response = await ask(api, LIVE, token("live"))
    chunks = [await anext(aiter(response.body)) for _ in range(3)]
    await response.aclose()
    assert (value(response, "Content-Type") or "").startswith('video/mp4; codecs="avc1.')
    assert chunks[0] == segments[0].data
    assert chunks[1] == next(s.data for s in reversed(segments) if s.is_key)


async def test_it_begins_with_the_group_that_holds_a_time(
    api: Api, token: Token, segments: tuple[Segment, ...]
) -> None:
    second_key = [segment for segment in segments if segment.is_key][1]
    response = await ask(api, f"{LIVE}&since={second_key.decode_time + 12_345}", token("live"))
    chunks = [await anext(aiter(response.body)) for _ in range(2)]
    await response.aclose()
    assert chunks == [segments[0].data, second_key.data]


@pytest.mark.parametrize("since", ["", "-1", "1.5", "abc", "1" * 17, "2027-01-15T08:00:00Z"])
async def test_a_time_that_is_none_is_named(api: Api, token: Token, since: str) -> None:
    response = await ask(api, f"{LIVE}&since={since}", token("live"))
    assert (response.status, body(response)["parameter"]) == (400, "since")


async def test_it_ends_with_its_token(api: Api, token: Token, registration: Registration) -> None:
    """A6: the token of this stream has 0 s left."""
    registration.clock = lambda: NOW + 60.0
    response = await ask(api, LIVE, token("live"))
    assert await content(response) == b""
    assert len(api.streams) == 0


async def test_it_ends_while_it_waits_for_the_camera(api: Api, camera: Camera) -> None:
    live = await api.streams.open(1, camera.streams["hd"], lasts_s=0.05)
    async with asyncio.timeout(2):
        assert await content(live)


async def test_renewal_sustains_it(api: Api, token: Token, camera: Camera) -> None:
    live = await api.streams.open(1, camera.streams["hd"], lasts_s=0.05)
    stream = value(live, "Contera-Stream")
    reading = asyncio.create_task(content(live))
    await asyncio.sleep(0)  # it waits for the camera now
    renewed = await ask(api, f"/v1/streams/{stream}/renewal", token("live"), "POST")
    _, pending = await asyncio.wait([reading], timeout=0.2)
    assert (renewed.status, len(pending)) == (204, 1)
    reading.cancel()
    await asyncio.wait([reading])


async def test_renewal_never_shortens_it(api: Api, camera: Camera) -> None:
    live = await api.streams.open(1, camera.streams["hd"], lasts_s=60)
    stream = api.streams.find(value(live, "Contera-Stream") or "")
    stream.renew(0)
    assert await anext(stream)
    await live.aclose()


@pytest.mark.parametrize("right", ["playback", "export"])
async def test_renewal_needs_the_right_to_watch(
    api: Api, token: Token, camera: Camera, right: str
) -> None:
    live = await api.streams.open(1, camera.streams["hd"], 60)
    target = f"/v1/streams/{value(live, 'Contera-Stream')}/renewal"
    assert problem(await ask(api, target, token(right), "POST")) == (403, "not_granted")
    await live.aclose()
    assert problem(await ask(api, target, token("live"), "POST")) == (404, "stream_not_found")


async def test_a_camera_without_video_says_its_state(
    api: Api, token: Token, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmr.live.FIRST_VIDEO_WAIT_S", 0.01)
    response = await ask(api, "/v1/cameras/1/live?profile=sd", token())
    assert (response.status, body(response)["state"]) == (503, "connecting")


async def test_a_profile_that_is_not_configured_is_named(
    api: Api, token: Token, camera: Camera
) -> None:
    camera.streams = {"hd": camera.streams["hd"]}
    response = await ask(api, "/v1/cameras/1/live?profile=sd", token())
    assert (response.status, body(response)["parameter"]) == (400, "profile")


async def test_closing_gives_the_subscription_back(api: Api, token: Token, camera: Camera) -> None:
    for _ in range(100):  # more than MAX_SUBSCRIBERS
        response = await ask(api, LIVE, token())
        assert response.status == 200
        await response.aclose()


async def test_too_many_readers_are_refused(api: Api, token: Token) -> None:
    responses = [await ask(api, LIVE, token()) for _ in range(65)]
    assert problem(responses[-1]) == (503, "too_many_readers")
    for response in responses:
        await response.aclose()
