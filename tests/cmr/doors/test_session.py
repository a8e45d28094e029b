"""The recorder's session door over its sealed WebSocket: the same session as through the relay."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from cmr.cameras.camera import Camera
from cmr.identity import Identity
from protocol.fragments import Segment
from tests.cmr.api.asking import START
from tests.cmr.conftest import RECORDER_ID, Token
from tests.viewers.sealed import sealed_session
from tests.viewers.session import ViewerSession

LIVE = "/v1/cameras/1/live?profile=hd"
Connect = Callable[[], AbstractAsyncContextManager[ViewerSession]]


@pytest.fixture
def connect(web: str, identity: Identity) -> Connect:
    """Opens sessions that have shown no token."""
    url = f"{web.replace('http', 'ws')}/v1/session"
    return lambda: sealed_session(url, RECORDER_ID, identity.signer.jwk)


@pytest.fixture
async def session(connect: Connect, token: Token) -> AsyncIterator[ViewerSession]:
    """A session with every right at cameras 1 and 2."""
    async with connect() as made:
        await made.renew(token())
        yield made


async def test_it_answers_requests(session: ViewerSession) -> None:
    status, body = await session.ask("/v1/")
    assert (status, json.loads(body)["recorder_id"]) == (200, RECORDER_ID)
    assert (await session.ask("/v1/nothing"))[0] == 404


async def test_live_video_is_a_segment_in_each_message(
    session: ViewerSession, sending: Camera, segments: tuple[Segment, ...]
) -> None:
    stream = await session.open(LIVE)
    head = await stream.begin()
    known = {segment.data for segment in segments}
    payloads = aiter(stream)
    got = [await anext(payloads) for _ in range(60)]
    assert head.header("Contera-Stream")
    assert got[0] == segments[0].data
    assert set(got) <= known
    await stream.cancel()
    async for _ in payloads:
        pass
    assert stream.is_ended
    assert session.is_closed.is_set() is False


async def test_a_recorded_piece_arrives_whole(session: ViewerSession) -> None:
    stream = await session.open(f"/v1/cameras/1/video?start={START}&duration=2")
    head = await stream.begin()
    assert len(await stream.body()) == head.content_length


async def test_it_answers_pings(session: ViewerSession) -> None:
    await session.ping(b"12345678")
    assert session.pongs == [b"12345678"]
