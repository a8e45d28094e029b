"""A6: what a person watches directly ends within 5 s when the rights change."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import pytest

from cmr.api.door import WEB
from cmr.api.message import Response
from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.doors import session as session_door
from cmr.doors.relay import RelayDoor
from cmr.identity import Identity
from protocol.http_message import Request
from protocol.tokens import ACCESS_CHANGE
from tests.cmr.api.asking import START, ask, value
from tests.cmr.conftest import RECORDER_ID, Token
from tests.cmr.doors.conftest import Relay, until
from tests.viewers.sealed import sealed_session
from tests.viewers.session import ViewerSession

LIVE = "/v1/cameras/1/live"
VIDEO = f"/v1/cameras/1/video?start={START}&duration=2"
CHANGE = "/v1/access-changes"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_door, "TICK_S", 0.02)
    monkeypatch.setattr(session_door, "RENEWAL_S", 0.3)


@pytest.fixture
def before() -> int:
    """Some time before the change."""
    return int(time.time()) - 20


@pytest.fixture
async def session(
    web: str, identity: Identity, token: Token, before: int
) -> AsyncIterator[ViewerSession]:
    """A session whose token is from before the change."""
    url = f"{web.replace('http', 'ws')}/v1/session"
    async with sealed_session(url, RECORDER_ID, identity.signer.jwk) as made:
        await made.renew(token(now=before))
        await made.ping()
        yield made


@pytest.fixture
def word(token: Token) -> Token:
    """The portal's word that a person's rights changed: a token of its own, that grants nothing."""
    return partial(token, cameras=(), paths=(), session=ACCESS_CHANGE)


async def change(api: Api, word: str) -> None:
    """As the portal tells it: through the relay."""
    assert (await ask(api, CHANGE, word, "POST")).status == 204


async def test_a_session_without_a_newer_token_ends(
    session: ViewerSession, api: Api, word: Token, sending: Camera
) -> None:
    stream = await session.open(LIVE)
    await stream.begin()
    await change(api, word())
    end = await session.end()
    assert (end.code, end.reason) == (4401, "renewal_required")
    assert [(n["code"], n["is_final"]) for n in session.notices] == [("renewal_required", False)]
    await until(lambda: len(api.streams) == 0)


async def test_the_portal_tells_it_through_the_relay(
    session: ViewerSession,
    relay: Relay,
    door: RelayDoor,
    client: aiohttp.ClientSession,
    word: Token,
) -> None:
    """The relay lets it pass though the token may not carry video there."""
    headers = {"Authorization": f"Bearer {word()}"}
    async with client.post(f"{relay.viewer_url}{CHANGE}", headers=headers) as answer:
        assert answer.status == 204
    assert (await session.end()).reason == "renewal_required"


async def test_a_newer_token_goes_on(
    session: ViewerSession,
    api: Api,
    token: Token,
    word: Token,
    sending: Camera,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_door, "RENEWAL_S", 1.5)
    stream = await session.open(LIVE)
    await stream.begin()
    await change(api, word())
    await session.until(lambda: session.notices)
    await session.renew(token())
    payloads = aiter(stream)
    until_s = asyncio.get_running_loop().time() + 2
    async with asyncio.timeout(20):
        while asyncio.get_running_loop().time() < until_s:
            await anext(payloads)
    assert not session.is_closed.is_set()


async def test_an_older_token_does_not_count(
    session: ViewerSession, api: Api, token: Token, word: Token, before: int
) -> None:
    await change(api, word())
    await session.until(lambda: session.notices)
    await session.renew(token(now=before + 5))
    assert (await session.end()).reason == "renewal_required"


async def test_who_renewed_already_hears_nothing(
    session: ViewerSession, api: Api, token: Token, word: Token, before: int
) -> None:
    await session.renew(token(now=before + 10))
    await session.ping()
    await change(api, word(now=before + 5))
    await session.ping()
    assert session.notices == []


async def test_the_same_change_is_told_once(session: ViewerSession, api: Api, word: Token) -> None:
    text = word()
    for _ in range(100):
        await change(api, text)
    await session.ping()
    assert len(session.notices) == 1


async def test_telling_again_gives_no_more_time(
    session: ViewerSession, api: Api, word: Token, before: int
) -> None:
    at = float(before)
    async with asyncio.timeout(5):
        while not session.is_closed.is_set():
            at += 0.01
            await change(api, word(now=at))
            await asyncio.sleep(0.02)


async def test_nobody_else_is_meant(session: ViewerSession, api: Api, word: Token) -> None:
    await change(api, word(user="somebody else"))
    await session.ping()
    assert session.notices == []


@pytest.mark.parametrize("what", [{}, {"cameras": ()}, {"cameras": (), "paths": ()}])
async def test_a_viewers_token_tells_nothing(
    session: ViewerSession, api: Api, token: Token, what: dict[str, Any]
) -> None:
    """R14: also one that grants nothing; the portal alone can."""
    refused = await ask(api, CHANGE, token(**what), "POST")
    assert (refused.status, json.loads(refused.body)["code"]) == (403, "not_granted")
    await session.ping()
    assert session.notices == []


async def test_a_plain_stream_ends(
    web: str,
    client: aiohttp.ClientSession,
    api: Api,
    token: Token,
    word: Token,
    before: int,
    sending: Camera,
) -> None:
    headers = {"Authorization": f"Bearer {token(now=before)}"}
    async with client.get(f"{web}{LIVE}", headers=headers) as answer:
        await answer.content.readany()
        await change(api, word())
        async with asyncio.timeout(15):
            await answer.content.read()
    await until(lambda: not len(api.streams) and not len(api.holders))


async def test_a_plain_stream_with_a_newer_token_goes_on(
    api: Api, token: Token, word: Token, before: int, sending: Camera
) -> None:
    response = await plain(api, LIVE, token(now=before))
    stream_id = value(response, "Contera-Stream")
    renewed = await plain(api, f"/v1/streams/{stream_id}/renewal", token(), "POST")
    assert renewed.status == 204
    await change(api, word(now=before + 10))
    chunks = aiter(response.body)
    for _ in range(30):
        assert await anext(chunks)
    await change(api, word())
    async with asyncio.timeout(15):
        async for _ in chunks:
            pass
    await response.aclose()


async def test_a_file_that_is_being_sent_breaks_off(
    api: Api, token: Token, word: Token, before: int
) -> None:
    """Its reader sees that it is not whole: the connection ends, not the answer."""
    response = await plain(api, VIDEO, token(now=before))
    await change(api, word())
    with pytest.raises(OSError, match="rights changed"):
        await anext(aiter(response.body))
    await response.aclose()
    assert len(api.holders) == 0


async def test_the_relays_streams_are_its_own_affair(
    api: Api, token: Token, word: Token, before: int, sending: Camera
) -> None:
    """It shares one stream among many viewers, and asks each of them itself."""
    response = await ask(api, LIVE, token(now=before))
    await change(api, word())
    chunks = aiter(response.body)
    for _ in range(30):
        assert await anext(chunks)
    await response.aclose()


# --- The paths of a token, on plain HTTP ---


async def plain(api: Api, target: str, token: str, method: str = "GET") -> Response:
    """The answer of the web door."""
    headers = (("Authorization", f"Bearer {token}"),)
    return await api.handle(Request(method, target, headers), WEB)


@pytest.mark.parametrize(
    "target", [LIVE, "/v1/cameras", f"/v1/cameras/1/video?start={START}&duration=2"]
)
async def test_a_token_for_other_paths_gets_no_video(api: Api, token: Token, target: str) -> None:
    refused = await plain(api, target, token(paths=("relay", "p2p")))
    assert (refused.status, json.loads(refused.body)["code"]) == (403, "path_off")
    for path in ("lan", "manual_nat"):
        answer = await plain(api, target, token(paths=(path,)))
        await answer.aclose()
        assert answer.status == 200


async def test_control_may_come_by_any_path(api: Api, token: Token, word: Token) -> None:
    assert (await plain(api, "/v1/", token(paths=()))).status == 200
    assert (await plain(api, CHANGE, word(), "POST")).status == 204


async def test_a_path_that_is_switched_off_here_counts_for_nothing(api: Api, token: Token) -> None:
    api.registration.paths_off = frozenset({"lan"})
    assert (await plain(api, "/v1/cameras", token())).status == 200
    assert (await plain(api, "/v1/cameras", token(paths=("lan",)))).status == 403
    assert (await ask(api, "/v1/cameras", token(paths=()))).status == 200  # the relay has checked
