"""R14: what one customer does is not felt by another."""

from __future__ import annotations

import pytest

from protocol.session import MessageType, encode
from protocol.tokens import AccessToken, sign_access_token
from streaming.relay.hub import Hub
from streaming.relay.limits import BACKLOG_BYTES, MAX_CUSTOMER_SESSIONS, MAX_VIEWERS
from streaming.relay.refusals import Refusal
from streaming.relay.session import CLOSE_BUSY, SessionDoor
from tests.relay.cast import (
    INIT,
    LIVE_HEAD,
    OTHER,
    RECORDER,
    SIGNER,
    FakeClock,
    Site,
    access_token,
    credential,
    frame,
    watch,
)
from tests.relay.test_session import Socket


async def test_five_hundred_slow_viewers_do_not_hold_up_another_customers_frame(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """A frame reaches its viewers before the call returns that brought it: there is no queue that
    customers share. What a slow viewer costs is bounded, and its bytes exist once."""
    crowd = [watch(hub, credential(hub, clock)) for _ in range(MAX_VIEWERS)]
    theirs = site.take()
    site.answer(theirs, LIVE_HEAD + INIT)
    for _, screen, _ in crowd:
        screen.is_writable = False
    _, mine, _ = watch(hub, credential(hub, clock), profile="hd")
    ours = site.take()
    site.answer(ours, LIVE_HEAD + INIT)
    for number in range(60):
        clock.now += 1 / 15
        theirs.feed(frame(number, number % 15 == 0, size=40_000))
        ours.feed(frame(number, number % 15 == 0))
        assert mine.received[-1] == frame(number, number % 15 == 0)
    assert all(viewer.backlog.size_bytes <= BACKLOG_BYTES for viewer, _, _ in crowd)
    kept = {id(item) for viewer, _, _ in crowd for item, _ in viewer.backlog._items}
    assert len(kept) < 60 + MAX_VIEWERS  # the frames, and a word for each that jumped


async def test_one_customer_cannot_take_all_the_room(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    customer = hub.verify_viewer(access_token(clock), RECORDER).access
    viewers = [SessionDoor(hub, RECORDER, Socket()) for _ in range(MAX_CUSTOMER_SESSIONS)]
    for viewer in viewers:
        hub.admit(viewer, customer)
    wire = show(hub, access_token(clock))
    assert wire.closed == (CLOSE_BUSY, "too_busy")
    with pytest.raises(Refusal):
        hub.admit(SessionDoor(hub, RECORDER, Socket()), customer)
    access = AccessToken("session", "user", "another organisation", RECORDER, 0, {})
    assert show(hub, sign_access_token(SIGNER, access, int(clock.unix()))).closed is None
    hub.release(viewers[0])
    assert show(hub, access_token(clock)).closed is None


async def test_viewers_that_left_make_room(hub: Hub, site: Site, clock: FakeClock) -> None:
    for _ in range(MAX_CUSTOMER_SESSIONS + 1):
        door = SessionDoor(hub, RECORDER, Socket())
        door.open()
        door.receive(encode(MessageType.RENEW, 0, access_token(clock).encode()))
        door.disconnected()
        door.disconnected()
    assert show(hub, access_token(clock)).closed is None


async def test_a_token_of_another_recorder_takes_no_room(hub: Hub, clock: FakeClock) -> None:
    wire = show(hub, access_token(clock, recorder=OTHER))
    assert wire.closed is not None
    assert not len(hub._audience)


def show(hub: Hub, token: str) -> Socket:
    """A session that shows this token."""
    wire = Socket()
    door = SessionDoor(hub, RECORDER, wire)
    door.open()
    door.receive(encode(MessageType.RENEW, 0, token.encode()))
    return wire
