"""Who watches what at this recorder, by every door; told to the portal in order, once (K3)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cmr.api.door import RELAY, SESSION, WEB, Door
from cmr.api.routes import Api
from cmr.local.accounts import Account
from cmr.local.keys import load_local_key
from cmr.local.who import LocalPerson
from cmr.registration import PortalStanding, Registration
from cmr.viewing_log import ViewingLog
from cmr.viewings import Viewings
from protocol.http_message import Request
from protocol.tokens import PATHS, AccessToken, sign_access_token
from tests.cmr.conftest import NOW, RECORDER_ID
from tests.fakes.portal import ScriptedPortal

LAN = replace(SESSION, peer="192.168.1.7")
FAR = replace(WEB, peer="198.41.0.4")
P2P = Door("p2p", frozenset({"p2p"}))
RECORDED = "/v1/cameras/1/video?start=2027-01-15T08:00:00Z&duration=1"
CLIP = "/v1/cameras/1/clip.mp4?start=2027-01-15T08:00:00Z&end=2027-01-15T08:00:02Z"
PICTURE = "/v1/cameras/1/snapshot.jpg"
LIVE = "/v1/cameras/1/live"


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def registration(identity, clock) -> Registration:
    return Registration(identity, clock=clock)


@pytest.fixture
def kept(tmp_path) -> ViewingLog:
    return ViewingLog(tmp_path)


@pytest.fixture
def noting(api: Api, registration, kept) -> Viewings:
    made = Viewings(registration, kept)
    api.viewings = made
    return made


@pytest.fixture
def ask(api: Api, noting, token, clock):
    """`ask(target, door, seconds)`: an answer that is taken for so long."""

    async def make(target: str, door: Door = LAN, seconds: float = 0.0, **who) -> None:
        text = who.get("text") or token(now=int(clock.now))
        request = Request("GET", target, (("Authorization", f"Bearer {text}"),))
        response = await api.handle(request, door)
        assert response.status in (200, 206), response
        clock.now += seconds
        await response.aclose()
        await response.aclose()

    return make


async def told(noting: Viewings, kept: ViewingLog) -> list[tuple]:
    """What is on disk once the recorder was stopped."""
    running = asyncio.create_task(noting.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    seen = kept.untold(RECORDER_ID, 99)
    assert [viewing.number for viewing in seen] == sorted(viewing.number for viewing in seen)
    return [
        (v.watcher.kind, v.watcher.path, v.start - NOW, v.end - NOW, v.watcher.address)
        for v in seen
    ]


@pytest.mark.parametrize(
    ("door", "path", "address"),
    [
        (LAN, "lan", "192.168.1.7"),
        (FAR, "manual_nat", "198.41.0.4"),
        (P2P, "p2p", ""),
    ],
)
async def test_live_video_is_noted_from_its_first_to_its_last_moment(
    ask, noting, kept, door, path, address
):
    await ask(LIVE, door, 20)
    assert await told(noting, kept) == [("live", path, 0, 20, address)]


async def test_live_video_by_the_relay_is_noted_by_the_relay_alone(ask, noting, kept):
    await ask(LIVE, RELAY, 5)
    assert await told(noting, kept) == []


async def test_recorded_video_by_the_relay_is_noted_here(ask, noting, kept):
    await ask(RECORDED, RELAY, 2)
    [line] = await told(noting, kept)
    assert line[:4] == ("recorded", "relay", 0, 2)
    [viewing] = kept.untold(RECORDER_ID, 9)
    assert viewing.recorded is not None
    assert viewing.recorded[0] == pytest.approx(NOW, abs=1)


async def test_files_and_pictures_are_noted(ask, noting, kept):
    await ask(CLIP)
    for _ in range(3):
        await ask(PICTURE, seconds=10)
    assert [line[0] for line in await told(noting, kept)] == ["clip", "snapshot"]
    assert [viewing.count for viewing in kept.untold(RECORDER_ID, 9)] == [1, 3]


async def test_what_was_refused_is_no_viewing(api, noting, kept, token):
    headers = (("Authorization", f"Bearer {token('playback')}"),)
    for target in (LIVE, "/v1/cameras/9/live", "/v1/cameras"):
        await (await api.handle(Request("GET", target, headers), LAN)).aclose()
    assert await told(noting, kept) == []


async def test_the_address_that_the_portal_saw_goes_before_ours(ask, noting, kept, portal):
    access = AccessToken(
        "s", "ada", "o", RECORDER_ID, 0, {1: frozenset({"live"})}, paths=frozenset(PATHS)
    )
    text = sign_access_token(portal, replace(access, address="203.0.113.5"), NOW)
    await ask(LIVE, LAN, 1, text=text)
    assert (await told(noting, kept))[0][4] == "203.0.113.5"


async def test_accounts_of_the_recorder_itself_are_noted(ask, api, noting, kept, tmp_path, clock):
    api.local_key = key = load_local_key(tmp_path)
    guard = LocalPerson(Account("guard", "viewer", "hash"))
    text = key.sign(guard.access("password", key.host_id, [1]), int(clock.now))
    await ask(LIVE, replace(WEB, peer="192.168.1.9"), 3, text=text)
    assert await told(noting, kept) == [("live", "direct", 0, 3, "192.168.1.9")]
    assert kept.untold(RECORDER_ID, 1)[0].watcher.user_id == "local:guard"


async def test_the_portals_own_exports_are_not_noted(ask, noting, kept, token):
    await ask(CLIP, RELAY, text=token(session="export-1"))
    assert await told(noting, kept) == []


async def test_times_are_by_the_portals_clock(ask, noting, kept, registration, token):
    registration.clock_offset_s = 3600.0
    await ask(LIVE, LAN, 5, text=token(now=NOW - 3600))
    assert [line[2:4] for line in await told(noting, kept)] == [(-3600, -3595)]


async def _until(is_true) -> None:
    async with asyncio.timeout(20):
        while not is_true():
            await asyncio.sleep(0.01)


async def test_the_portal_is_told_in_order_and_what_it_has_is_forgotten(
    ask, noting, kept, registration, portal, monkeypatch
):
    """An answer that is lost brings the same viewings again, under the same numbers."""
    monkeypatch.setattr("cmr.viewings.RETRY_BASE_S", 0.01)
    await ask(LIVE, LAN, 5)
    await ask(RECORDED, LAN, 5)
    await told(noting, kept)
    scripted = ScriptedPortal(portal, refusal=(503, "busy"))
    async with scripted.running():
        registration.identity = replace(registration.identity, portal_url=scripted.url)
        registration.standing = PortalStanding.ONLINE
        telling = asyncio.create_task(noting.tell())
        await _until(lambda: len(scripted.viewings) >= 2)
        assert len(kept.untold(RECORDER_ID, 9)) == 2
        scripted.refusal = None
        await _until(lambda: not kept.untold(RECORDER_ID, 9))
        telling.cancel()
        await asyncio.wait([telling])
    assert [one["kind"] for one in scripted.viewings[-2:]] == ["live", "recorded"]
    assert len({one["number"] for one in scripted.viewings}) == 2
