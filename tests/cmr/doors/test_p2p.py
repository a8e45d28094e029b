"""The recorder's peer-to-peer door, with a real viewer over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from cmr.api.routes import Api
from cmr.doors.p2p import PeerDoor
from protocol.http_message import Request
from tests.cmr.api.asking import START
from tests.cmr.conftest import RECORDER_ID, Token
from tests.viewers.p2p import Ask, p2p_session
from tests.viewers.session import ViewerSession

Connect = Callable[[], AbstractAsyncContextManager[ViewerSession]]


@pytest.fixture
async def door(api: Api) -> AsyncIterator[PeerDoor]:
    door = PeerDoor(api, lambda: None)
    api.peers = door
    running = asyncio.create_task(door.run())
    await asyncio.sleep(0)
    yield door
    running.cancel()
    await asyncio.wait([running])


def asking(api: Api, token: str) -> Ask:
    """Signalling as the relay door hands it on."""

    async def ask(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        headers = (("Authorization", f"Bearer {token}"),)
        response = await api.handle(Request(method, target, headers, body))
        assert isinstance(response.body, bytes)
        return response.status, response.body

    return ask


@pytest.fixture
async def session(api: Api, door: PeerDoor, token: Token) -> AsyncIterator[ViewerSession]:
    async with p2p_session(asking(api, token())) as made:
        await made.renew(token())
        yield made


async def test_it_answers_requests(session: ViewerSession) -> None:
    status, body = await session.ask("/v1/")
    assert (status, json.loads(body)["recorder_id"]) == (200, RECORDER_ID)


async def test_a_recorded_piece_arrives_whole(session: ViewerSession) -> None:
    stream = await session.open(f"/v1/cameras/1/video?start={START}&duration=2")
    head = await stream.begin()
    assert len(await stream.body()) == head.content_length
