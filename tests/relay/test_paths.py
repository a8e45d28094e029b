"""Never-relay: control passes, video does not (connection.md §1)."""

from __future__ import annotations

import pytest

from protocol.http_message import Request
from protocol.session import MessageType, encode
from protocol.tokens import ACCESS_CHANGE
from streaming.relay.access import is_access_change
from streaming.relay.hub import Hub
from streaming.relay.refusals import Refusal
from streaming.relay.requests import open_request
from streaming.relay.session import SessionDoor
from tests.relay.cast import (
    INIT,
    LIVE_HEAD,
    RECORDER,
    FakeClock,
    Screen,
    Site,
    access_token,
    credential,
    frame,
    watch,
)
from tests.relay.test_session import Socket

DIRECT = ("lan", "manual_nat", "p2p")
CONTROL = ["GET /v1/", "POST /v1/p2p", "POST /v1/access-changes", "GET /v1/network-test"]
VIDEO = [
    "GET /v1/cameras",
    "GET /v1/cameras/1/live?profile=sd",
    "GET /v1/cameras/1/video?start=x",
    "GET /v1/cameras/1/clip.mp4",
    "GET /v1/cameras/1/snapshot.jpg?width=64",
    "GET /v1/unlisted",
]


@pytest.mark.parametrize("asked", CONTROL)
async def test_control_passes_without_the_relay_path(
    hub: Hub, site: Site, clock: FakeClock, asked: str
) -> None:
    """Also without any right at a camera: the recorder decides who may ask it what. The portal
    alone tells of changed rights."""
    method, target = asked.split()
    session = ACCESS_CHANGE if is_access_change(Request(method, target)) else "session"
    who = credential(hub, clock, paths=DIRECT, grants={}, session=session)
    open_request(hub, RECORDER, who, Request(method, target), Screen())
    assert site.take().request.startswith(f"{method} {target} ".encode())


@pytest.mark.parametrize("asked", VIDEO)
async def test_video_needs_the_relay_path(
    hub: Hub, site: Site, clock: FakeClock, asked: str
) -> None:
    method, target = asked.split()
    who = credential(hub, clock, paths=DIRECT)
    with pytest.raises(Refusal) as caught:
        open_request(hub, RECORDER, who, Request(method, target), Screen())
    assert (caught.value.status, caught.value.code) == (403, "relay_off")
    assert hub.stats()["exchanges"] == 0


async def test_a_session_may_be_for_control_alone(hub: Hub, site: Site, clock: FakeClock) -> None:
    wire = Socket()
    door = SessionDoor(hub, RECORDER, wire)
    door.open()
    token = access_token(clock, paths=DIRECT)
    door.receive(encode(MessageType.RENEW, 0, token.encode()))
    door.receive(encode(MessageType.REQUEST, 1, b"GET /v1/ HTTP/1.1\r\n\r\n"))
    door.receive(encode(MessageType.REQUEST, 2, b"GET /v1/cameras/1/live HTTP/1.1\r\n\r\n"))
    assert site.take().request.startswith(b"GET /v1/ ")
    assert wire.closed is None
    assert wire.problem() == "relay_off"


async def test_switching_the_relay_off_ends_what_it_carries(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """A6: with the next renewal, for live video and for a finite answer."""
    who = credential(hub, clock)
    live, clip, status = Screen(), Screen(), Screen()
    running = [
        open_request(hub, RECORDER, who, Request("GET", f"/v1/{path}"), screen)
        for path, screen in (("cameras/1/live", live), ("cameras/1/clip.mp4", clip), ("", status))
    ]
    site.answer(site.take(), LIVE_HEAD + INIT + frame(0, is_key=True))
    renewed = credential(hub, clock, paths=DIRECT)
    for one in running:
        assert one is not None
        one.renew(renewed)
    assert (live.outcome, clip.status, status.outcome) == ("relay_off", 403, None)


async def test_a_stream_is_not_renewed_without_the_relay_path(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    viewer, _, _ = watch(hub, credential(hub, clock))
    with pytest.raises(Refusal) as caught:
        hub.renew_stream(viewer.id, credential(hub, clock, paths=DIRECT))
    assert caught.value.code == "relay_off"
