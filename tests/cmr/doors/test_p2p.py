"""The recorder's peer-to-peer door, with a real viewer over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCPeerConnection

from cmr.api.message import ApiError
from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.config import parse_config
from cmr.doors import p2p, p2p_peer
from cmr.doors.p2p import MAX_PEERS_PER_PERSON, PeerDoor
from cmr.doors.p2p_ice import GATHER_S
from cmr.recorder import Recorder
from cmr.registration import Registration
from protocol.fragments import Segment
from protocol.http_message import Request
from protocol.session import (
    CLOSE_BAD_MESSAGE,
    CLOSE_FORBIDDEN,
    CLOSE_UNAUTHORIZED,
    SUBPROTOCOL,
    MessageType,
)
from protocol.tokens import AccessToken, Signer, sign_access_token
from tests.cmr.api.asking import START
from tests.cmr.conftest import RECORDER_ID, Token
from tests.viewers.p2p import Ask, DataChannelViewer, offer, p2p_channel, p2p_session
from tests.viewers.session import SessionClosed, ViewerSession, session_over

LIVE = "/v1/cameras/1/live?profile=hd"


@pytest.fixture
async def door(api: Api) -> AsyncIterator[PeerDoor]:
    door = PeerDoor(api, lambda: None)
    api.peers = door
    running = asyncio.create_task(door.run())
    await asyncio.sleep(0)
    yield door
    running.cancel()
    await asyncio.wait([running])
    assert len(door) == 0


def asking(api: Api, token: str) -> Ask:
    """Signalling as the relay door hands it on."""

    async def ask(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        headers = (("Authorization", f"Bearer {token}"),)
        response = await api.handle(Request(method, target, headers, body))
        assert isinstance(response.body, bytes)
        return response.status, response.body

    return ask


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not is_so():
            await asyncio.sleep(0.02)


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


async def test_live_video_is_a_segment_in_each_message(
    session: ViewerSession, sending: Camera, segments: tuple[Segment, ...]
) -> None:
    stream = await session.open(LIVE)
    payloads = aiter(stream)
    got = [await anext(payloads) for _ in range(60)]
    assert got[0] == segments[0].data
    assert set(got) <= {segment.data for segment in segments}
    await stream.cancel()
    async for _ in payloads:
        pass
    await session.ping()


async def test_the_lan_mode_has_host_candidates_alone(
    api: Api, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No STUN server is asked, though one is known."""
    asked: list[Any] = []
    monkeypatch.setattr(p2p, "Peer", lambda *given: asked.append(given) or _Refusing())
    door = PeerDoor(api, lambda: ("192.0.2.1", 3478))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(door.run())
        await asyncio.sleep(0)
        for mode in ("lan", "p2p"):
            with pytest.raises(ApiError, match="cannot be a peer"):
                await door.open("user", mode, await an_offer())
        running.cancel()
    assert [given[-1] for given in asked] == [None, ("192.0.2.1", 3478)]


class _Refusing:
    """A peer that fails at once: the door must go on."""

    user_id = "user"

    async def gather(self) -> list[str]:
        raise RuntimeError("as a bug would")

    async def close(self) -> None:
        raise OSError("as another one would")


async def an_offer() -> str:
    peer = RTCPeerConnection()
    peer.createDataChannel(SUBPROTOCOL)
    sdp = await offer(peer)
    await peer.close()
    return sdp


async def test_a_silent_stun_server_costs_a_second(api: Api, token: Token) -> None:
    """L1: where UDP is blocked, the answer does not wait for it."""
    door = PeerDoor(api, lambda: ("192.0.2.1", 9))
    api.peers = door
    running = asyncio.create_task(door.run())
    await asyncio.sleep(0)
    body = json.dumps({"mode": "p2p", "sdp": await an_offer()}).encode()
    begun = asyncio.get_running_loop().time()
    status, _ = await asking(api, token())("POST", "/v1/p2p", body)
    took_s = asyncio.get_running_loop().time() - begun
    running.cancel()
    await asyncio.wait([running])
    assert status == 200
    assert took_s < GATHER_S + 3  # aioice alone would take five


# Who may, and who may not.


async def refusal(ask: Ask, target: str, body: object) -> tuple[int, str]:
    status, answer = await ask("POST", target, json.dumps(body).encode())
    return status, json.loads(answer)["code"] if answer else ""


def token_for(portal: Signer, token: str, api: Api, **changes: Any) -> str:
    """A token like this one but for some claims (Any: fields of AccessToken)."""
    fields = {"session_id": "session", "user_id": "user", "organisation_id": "organisation"}
    grants = {1: frozenset({"live", "playback"})}
    made = AccessToken(
        **{**fields, "recorder_id": RECORDER_ID, "expires_at": 0, "grants": grants, **changes}
    )
    return sign_access_token(portal, made, api.registration.portal_now())


@pytest.mark.parametrize("mode", ["p2p", "lan"])
async def test_the_token_must_name_the_path(
    api: Api, door: PeerDoor, portal: Signer, token: Token, mode: str
) -> None:
    others = frozenset({"p2p", "lan", "relay"} - {mode})
    ask = asking(api, token_for(portal, token(), api, paths=others))
    offered = {"mode": mode, "sdp": await an_offer()}
    assert await refusal(ask, "/v1/p2p", offered) == (403, "path_off")


async def test_settings_switch_it_off(
    api: Api, door: PeerDoor, registration: Registration, token: Token
) -> None:
    offered = {"mode": "p2p", "sdp": await an_offer()}
    registration.paths_off = frozenset({"p2p"})
    assert await refusal(asking(api, token()), "/v1/p2p", offered) == (403, "path_off")
    registration.paths_off = frozenset()
    api.peers = None
    assert await refusal(asking(api, token()), "/v1/p2p", offered) == (403, "path_off")


async def test_it_ends_when_settings_switch_it_off(
    session: ViewerSession, registration: Registration
) -> None:
    await session.ping()
    registration.paths_off = frozenset({"p2p"})
    assert (await session.end()).code == CLOSE_FORBIDDEN


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "bad_body"),
        ({"mode": "turn", "sdp": ""}, "bad_parameter"),
        ({"mode": "p2p"}, "bad_sdp"),
        ({"mode": "p2p", "sdp": "v=0"}, "bad_sdp"),
        ({"mode": "p2p", "sdp": "x" * 70_000}, "bad_sdp"),
    ],
)
async def test_bad_offers_are_refused(
    api: Api, door: PeerDoor, token: Token, body: object, code: str
) -> None:
    assert await refusal(asking(api, token()), "/v1/p2p", body) == (400, code)
    assert len(door) == 0


async def test_only_its_person_may_touch_a_peer(
    api: Api, door: PeerDoor, portal: Signer, token: Token
) -> None:
    mine, theirs = asking(api, token()), asking(api, token_for(portal, "", api, user_id="another"))
    body = json.dumps({"mode": "lan", "sdp": await an_offer()}).encode()
    peer_id = json.loads((await mine("POST", "/v1/p2p", body))[1])["id"]
    for what, more in (("candidates", {"candidates": []}), ("close", {})):
        target = f"/v1/p2p/{peer_id}/{what}"
        assert await refusal(theirs, target, more) == (404, "peer_not_found")
        assert await refusal(mine, target, more) == (204, "")
    await eventually(lambda: len(door) == 0)
    assert await refusal(mine, f"/v1/p2p/{peer_id}/close", {}) == (404, "peer_not_found")


async def test_candidates_come_late_twice_and_in_masses(
    api: Api, door: PeerDoor, token: Token
) -> None:
    """L11: what is too much or wrong is dropped, and nothing is told of it."""
    ask = asking(api, token())
    body = json.dumps({"mode": "p2p", "sdp": await an_offer()}).encode()
    peer_id = json.loads((await ask("POST", "/v1/p2p", body))[1])["id"]
    lines = [f"candidate:1 1 udp {n} 10.99.{n}.1 40000 typ host" for n in range(200)]
    for some in (lines[:60], lines[:60], ["", "nonsense", "candidate:"], lines[60:120]):
        for end in (True, False):
            more = {"candidates": some, "end": end}
            assert await refusal(ask, f"/v1/p2p/{peer_id}/candidates", more) == (204, "")
    peer = door._places[peer_id].peer
    assert len(peer._known) == 24
    assert await refusal(ask, f"/v1/p2p/{peer_id}/candidates", {"candidates": lines}) == (
        400,
        "bad_parameter",
    )


async def test_replayed_offers_are_bounded(api: Api, door: PeerDoor, token: Token) -> None:
    """Each is a peer of its own that comes to nothing; a person has few places."""
    ask, sdp = asking(api, token()), await an_offer()
    body = json.dumps({"mode": "lan", "sdp": sdp}).encode()
    found = [(await ask("POST", "/v1/p2p", body))[0] for _ in range(MAX_PEERS_PER_PERSON)]
    assert found == [200] * MAX_PEERS_PER_PERSON
    refused = await refusal(ask, "/v1/p2p", {"mode": "lan", "sdp": sdp})
    assert refused == (429, "too_many_peers")


# What a connected viewer may do, and what ends it.


async def test_who_fell_silent_keeps_nobody_out(
    api: Api, door: PeerDoor, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crashed browser leaves connections that ICE believes in for half a minute."""
    ask, sdp = asking(api, token()), await an_offer()
    body = json.dumps({"mode": "lan", "sdp": sdp}).encode()
    async with p2p_session(ask, "lan") as session:
        await session.renew(token())
        assert (await session.ask("/v1/"))[0] == 200
        found = [(await ask("POST", "/v1/p2p", body))[0] for _ in range(MAX_PEERS_PER_PERSON)]
        assert found == [200] * (MAX_PEERS_PER_PERSON - 1) + [429]
        monkeypatch.setattr("cmr.doors.p2p.SILENT_S", 0.2)
        await asyncio.sleep(0.3)
        assert (await ask("POST", "/v1/p2p", body))[0] == 200
        await session.end()


async def test_a_token_for_another_recorder_opens_nothing(
    api: Api, door: PeerDoor, token: Token
) -> None:
    async with p2p_session(asking(api, token())) as session:
        await session.renew(token(recorder="00000000-0000-4000-8000-000000000000"))
        assert (await session.end()).code == CLOSE_UNAUTHORIZED


async def test_the_token_of_another_path_ends_it(
    api: Api, door: PeerDoor, portal: Signer, token: Token
) -> None:
    async with p2p_session(asking(api, token()), "lan") as session:
        await session.renew(token_for(portal, "", api, paths=frozenset({"p2p", "relay"})))
        assert (await session.end()).code == CLOSE_FORBIDDEN


@pytest.mark.parametrize(
    "part", [b"", b"\2", b"\1" + bytes(MessageType.DATA), b"\0" + bytes(16_383), "text"]
)
async def test_bad_messages_end_it(
    api: Api, door: PeerDoor, token: Token, part: bytes | str
) -> None:
    async with p2p_channel(asking(api, token())) as channel, session_over(channel) as session:
        await session.renew(token())
        await session.ping()
        for _ in range(30):  # the unfinished message becomes too large
            channel.channel.send(part)
        ended = await session.end()
    assert ended.code == CLOSE_BAD_MESSAGE
    await eventually(lambda: len(door) == 0)


async def test_a_second_channel_ends_it(api: Api, door: PeerDoor, token: Token) -> None:
    async with p2p_channel(asking(api, token())) as channel, session_over(channel) as session:
        await session.renew(token())
        await session.ping()
        channel.peer.createDataChannel("another")
        await session.end()
    await eventually(lambda: len(door) == 0)


async def test_closing_it_gives_back_its_place(api: Api, door: PeerDoor, token: Token) -> None:
    ask = asking(api, token())
    async with p2p_channel(ask) as channel, session_over(channel) as session:
        await session.renew(token())
        await session.ping()
        assert await refusal(ask, f"/v1/p2p/{channel.id}/close", {}) == (204, "")
        ended = await session.end()
    assert (ended.code, ended.reason) == (1012, "recorder_stopping")
    await eventually(lambda: len(door) == 0)


async def test_a_viewer_that_leaves_is_forgotten(api: Api, door: PeerDoor, token: Token) -> None:
    async with p2p_session(asking(api, token())) as session:
        await session.renew(token())
        await session.ping()
        assert len(door) == 1
    await eventually(lambda: len(door) == 0)


async def test_a_viewer_that_reads_nothing_gets_no_memory(
    api: Api, door: PeerDoor, token: Token, sending: Camera
) -> None:
    """Its line stays short, and the live subscription drops frames behind it."""
    async with p2p_channel(asking(api, token())) as channel, session_over(channel) as session:
        await session.renew(token())
        await (await session.open(LIVE)).begin()
        stop_reading(channel)
        (place,) = door._places.values()
        line = place.peer._line.result()
        await eventually(lambda: line._channel.bufferedAmount > 0)
        for _ in range(20):
            await asyncio.sleep(0.05)
            assert line._channel.bufferedAmount < 128 * 1024


def stop_reading(channel: DataChannelViewer) -> None:
    """Its packets are lost from here on: nothing is acknowledged any more."""
    assert channel.peer.sctp is not None
    ice = channel.peer.sctp.transport.transport._connection
    for protocol in ice._protocols:
        protocol.datagram_received = lambda data, address: None


async def test_peers_that_never_connect_leave_nothing_behind(
    api: Api, door: PeerDoor, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L11: fifty of them; sockets and tasks are as many as before."""
    monkeypatch.setattr(p2p_peer, "CONNECT_S", 0.1)
    ask, sdp = asking(api, token()), await an_offer()
    body = json.dumps({"mode": "lan", "sdp": sdp}).encode()
    sockets, tasks = open_files(), len(asyncio.all_tasks())
    for _ in range(50):
        await eventually(lambda: len(door) < MAX_PEERS_PER_PERSON)
        assert (await ask("POST", "/v1/p2p", body))[0] == 200
    await eventually(lambda: len(door) == 0)
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
    assert open_files() <= sockets


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_the_session_says_why_it_ended(session: ViewerSession) -> None:
    """A data channel has no close code: the last notice has it."""
    await session.send(MessageType.DATA, 1)
    with pytest.raises(SessionClosed):
        await session.until(lambda: False)
    assert session.notices[-1]["close"] == CLOSE_BAD_MESSAGE
    assert session.notices[-1]["is_final"]


@pytest.mark.parametrize(("text", "has_it"), [("", True), ("[p2p]\nenabled = false", False)])
async def test_a_recorder_says_whether_it_can(tmp_path: Path, text: str, has_it: bool) -> None:
    recorder = Recorder(parse_config(text.encode(), tmp_path / "cmr.toml"), None)
    assert ("p2p" in recorder._capabilities()) is has_it
