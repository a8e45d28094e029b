"""The recorder's session door over its sealed WebSocket: the same session as through the relay."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.doors import session as session_door
from cmr.identity import Identity
from cmr.registration import Registration
from protocol.fragments import Segment
from protocol.http_message import Request, format_request
from protocol.session import MAX_STREAMS, MessageType
from protocol.tokens import Signer
from tests.cmr.api.asking import START
from tests.cmr.conftest import RECORDER_ID, Token
from tests.cmr.doors.conftest import until
from tests.viewers.sealed import sealed_session
from tests.viewers.session import ViewerSession

LIVE = "/v1/cameras/1/live?profile=hd"
Connect = Callable[[], AbstractAsyncContextManager[ViewerSession]]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are looked at often, so that nobody waits for them here."""
    monkeypatch.setattr(session_door, "TICK_S", 0.02)


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


async def closed(session: ViewerSession) -> tuple[int, str]:
    end = await session.end()
    return end.code, end.reason


# --- Answers ---


async def test_it_answers_requests(session: ViewerSession) -> None:
    status, body = await session.ask("/v1/")
    assert (status, json.loads(body)["recorder_id"]) == (200, RECORDER_ID)
    assert (await session.ask("/v1/nothing"))[0] == 404
    assert (await session.ask("/v1/cameras/3/live"))[0] == 403


async def test_live_video_is_a_segment_in_each_message(
    session: ViewerSession, sending: Camera, segments: tuple[Segment, ...]
) -> None:
    stream = await session.open(LIVE)
    head = await stream.begin()
    payloads = aiter(stream)
    got = [await anext(payloads) for _ in range(60)]
    assert head.header("Contera-Stream")
    assert got[0] == segments[0].data
    assert set(got) <= {segment.data for segment in segments}


async def test_a_cancelled_stream_ends_and_the_others_go_on(
    session: ViewerSession, sending: Camera, api: Api
) -> None:
    one, two = await session.open(LIVE), await session.open(LIVE)
    await one.begin()
    await one.cancel()
    async for _ in one:
        pass
    assert one.is_ended
    await until(lambda: len(api.streams) == 1)
    payloads = aiter(two)
    for _ in range(50):
        assert await anext(payloads)


async def test_a_recorded_piece_arrives_whole(session: ViewerSession) -> None:
    stream = await session.open(f"/v1/cameras/1/video?start={START}&duration=2")
    head = await stream.begin()
    assert len(await stream.body()) == head.content_length


async def test_an_answer_that_breaks_off_says_so(session: ViewerSession, archive: object) -> None:
    archive.error = OSError(5, "Input/output error")  # type: ignore[attr-defined]
    stream = await session.open(f"/v1/cameras/1/video?start={START}&duration=2")
    await stream.body()
    assert [(n["code"], n["is_final"]) for n in stream.notices] == [("storage_failed", True)]
    assert (await session.ask("/v1/"))[0] == 200


async def test_it_answers_pings(session: ViewerSession) -> None:
    await session.ping(b"12345678")
    assert session.pongs == [b"12345678"]


async def test_streams_are_bounded(session: ViewerSession, camera: Camera) -> None:
    streams = [await session.open(LIVE) for _ in range(MAX_STREAMS)]
    for stream in streams:
        assert (await stream.begin()).status == 200
    status, body = await session.ask("/v1/")
    assert (status, json.loads(body)["code"]) == (429, "too_many_streams")
    await streams[0].cancel()
    async for _ in streams[0]:
        pass
    assert (await session.ask("/v1/"))[0] == 200


async def test_a_bug_of_ours_ends_one_session_and_not_the_recorder(
    session: ViewerSession,
    connect: Connect,
    api: Api,
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(api, "handle", fail)
        await session.open("/v1/")
        assert await closed(session) == (1011, "internal")
    assert "a session failed" in caplog.text
    async with connect() as another:
        await another.renew(token())
        assert (await another.ask("/v1/"))[0] == 200


async def test_a_malformed_request_is_answered(session: ViewerSession) -> None:
    stream = await session.open("/v1/")
    assert (await stream.begin()).status == 200
    bad = b"GET http://192.168.1.1/ HTTP/1.1\r\n\r\n"
    await session.send(MessageType.REQUEST, 2, bad)
    session.expect(2)
    assert (await session.expect(2).begin()).status == 400


async def test_a_token_inside_a_request_counts_for_nothing(connect: Connect, token: Token) -> None:
    """The session's own token decides, whatever a request says."""
    async with connect() as session:
        await session.renew(token("playback"))
        headers = (("Authorization", f"Bearer {token('live')}"),)
        await session.send(
            MessageType.REQUEST, 1, format_request(Request("GET", LIVE, headers, b""))
        )
        assert (await session.expect(1).begin()).status == 403


# --- Tokens ---


async def test_without_a_token_nothing_is_answered(connect: Connect) -> None:
    async with connect() as session:
        await session.open("/v1/")
        assert await closed(session) == (4400, "bad_frame")


async def test_a_viewer_without_a_token_may_not_stay(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_door, "TOKEN_DEADLINE_S", 0.05)
    async with connect() as session:
        assert await closed(session) == (4401, "token_missing")


FORGED = Signer(Ed25519PrivateKey.generate(), "portal")
BAD_TOKENS: dict[str, tuple[Callable[[Token], str], tuple[int, str]]] = {
    "expired": (lambda token: token(now=int(time.time()) - 70), (4401, "token_expired")),
    "for another recorder": (lambda token: token(recorder="x"), (4401, "token_not_for_this")),
    "forged": (lambda token: token(signer=FORGED), (4401, "token_invalid")),
    "no token at all": (lambda _: "hello", (4401, "token_invalid")),
    "huge": (lambda _: "x" * 9_000, (4400, "frame_too_large")),
    "for the relay alone": (lambda token: token(paths=("relay", "p2p")), (4403, "path_off")),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_a_bad_token_ends_the_session(connect: Connect, token: Token, name: str) -> None:
    """L6, A4: also tokens for another recorder, and a path that was switched off."""
    make, expected = BAD_TOKENS[name]
    async with connect() as session:
        await session.renew(make(token))
        assert await closed(session) == expected


async def test_another_persons_token_ends_the_session(session: ViewerSession, token: Token) -> None:
    await session.renew(token(user="somebody else"))
    assert await closed(session) == (4403, "token_not_for_this")


async def test_the_same_persons_newer_session_goes_on(session: ViewerSession, token: Token) -> None:
    """The page asks the portal for offers anew when its network changes (L5)."""
    await session.renew(token(session="newer"))
    assert (await session.ask("/v1/"))[0] == 200


async def test_the_session_ends_with_its_token(
    connect: Connect, token: Token, sending: Camera, api: Api
) -> None:
    """A6: this one has a second or two left."""
    async with connect() as session:
        await session.renew(token(now=int(time.time()) - 58))
        await session.open(LIVE)
        assert await closed(session) == (4401, "token_expired")
    await until(lambda: not len(api.streams))


async def test_a_path_that_is_switched_off_ends_the_session(
    session: ViewerSession, registration: Registration
) -> None:
    registration.paths_off = frozenset({"lan"})
    assert (await session.ask("/v1/"))[0] == 200
    registration.paths_off = frozenset({"lan", "manual_nat"})
    assert await closed(session) == (4403, "path_off")


async def test_a_new_token_sustains_running_streams(
    connect: Connect, token: Token, sending: Camera, api: Api
) -> None:
    """The first token has 20 s left when the stream begins."""
    async with connect() as session:
        await session.renew(token(now=int(time.time()) - 40))
        stream = await session.open(LIVE)
        await stream.begin()
        (running,) = api.streams.all()
        await session.renew(token())
        await session.ping()
        assert running.lasts_s > 30


async def test_a_stream_asked_for_while_the_token_is_renewed_lasts(
    connect: Connect, token: Token, camera: Camera, api: Api, segments: tuple[Segment, ...]
) -> None:
    """The camera reconnects, so that the answer waits for its first picture."""
    live = camera.streams["sd"]
    async with connect() as session:
        await session.renew(token(now=int(time.time()) - 40))
        stream = await session.open("/v1/cameras/1/live?profile=sd")
        await session.renew(token())
        await session.ping()
        for segment in segments:
            live.publish(segment)
        await stream.begin()
        await anext(aiter(stream))
        (running,) = api.streams.all()
        assert running.lasts_s > 30


async def test_a_right_that_is_gone_ends_its_streams_alone(
    session: ViewerSession, token: Token, sending: Camera, api: Api
) -> None:
    """A6: the new token names camera 1 no more for watching."""
    stream = await session.open(LIVE)
    await stream.begin()
    await session.renew(token("playback"))
    async for _ in stream:
        pass
    assert stream.notices[-1]["code"] == "not_granted"
    assert stream.notices[-1]["is_final"] is True
    assert (await session.ask("/v1/"))[0] == 200
    await until(lambda: len(api.streams) == 0)


# --- What the protocol does not allow ---


@pytest.mark.parametrize(
    ("type_", "stream"),
    [
        (MessageType.DATA, 1),
        (MessageType.NOTICE, 0),
        (MessageType.REQUEST, 0),
        (MessageType.CANCEL, 7),
        (MessageType.RENEW, 3),
    ],
)
async def test_what_a_viewer_does_not_send_ends_the_session(
    session: ViewerSession, type_: MessageType, stream: int
) -> None:
    """P2."""
    await session.send(type_, stream)
    assert await closed(session) == (4400, "bad_frame")


async def test_a_stream_number_is_used_once(session: ViewerSession) -> None:
    await session.ask("/v1/")
    await session.send(MessageType.REQUEST, 1, format_request(Request("GET", "/v1/")))
    assert await closed(session) == (4400, "bad_frame")


async def test_a_flood_of_messages_ends_the_session(session: ViewerSession) -> None:
    """P2."""
    for _ in range(600):
        await session.send(MessageType.PING, 0, b"x")
    assert await closed(session) == (4400, "too_many_messages")


async def test_a_viewer_that_leaves_leaves_nothing(
    connect: Connect, token: Token, sending: Camera, api: Api
) -> None:
    async with connect() as session:
        await session.renew(token())
        for _ in range(10):
            await (await session.open(LIVE)).begin()
        assert len(api.streams) == 10
        assert len(api.holders) == 1
    await until(lambda: not api.streams and not len(api.holders))
