"""Whatever a viewer or a recorder sends: a refusal, never a crash, never somebody else's bytes."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.session import MessageType, encode
from streaming.relay.hub import Hub
from streaming.relay.refusals import Refusal
from streaming.relay.session import SessionDoor
from tests.relay.cast import (
    INIT,
    KEYS,
    LIVE_HEAD,
    RECORDER,
    FakeClock,
    Site,
    access_token,
    credential,
    frame,
    watch,
)
from tests.relay.test_session import LIVE, Socket, renew, request

MESSAGES = st.one_of(
    st.binary(max_size=200),
    st.builds(encode, st.sampled_from(MessageType), st.integers(0, 5), st.binary(max_size=100)),
    st.builds(request, st.integers(0, 9), st.sampled_from([LIVE, b"GET /v1/ HTTP/1.1\r\n\r\n"])),
)
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([LIVE_HEAD, INIT, frame(0, is_key=True), frame(1), frame(1)[:50]]),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(MESSAGES, max_size=12))
def test_a_viewer_can_send_anything(messages: list[bytes]) -> None:
    """P2."""

    async def run() -> None:
        clock, socket = FakeClock(), Socket()
        hub = Hub(lambda: KEYS, clock())
        Site(hub).poll()
        door = SessionDoor(hub, RECORDER, socket)
        door.receive(renew(access_token(clock)))
        for message in messages:
            door.receive(message)
        door.disconnected()
        assert hub.stats()["sessions"] == hub.stats()["viewers"] == 0

    asyncio.run(run())


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_a_recorder_can_answer_anything(pieces: list[bytes]) -> None:
    """R11: and what reaches a viewer after the head is a row of whole segments."""

    async def run() -> None:
        clock = FakeClock()
        hub = Hub(lambda: KEYS, clock())
        site = Site(hub)
        site.poll()
        _, screen, _ = watch(hub, credential(hub, clock))
        exchange = site.take()
        site.answer(exchange)
        try:
            for piece in pieces:
                exchange.feed(piece)
            exchange.close()
        except Refusal as refusal:
            assert refusal.status == 400  # noqa: PT017 - most examples are refused, some are not
        assert screen.outcome is not None
        if screen.status == 200:
            assert all(is_segment(data) for data in screen.received)
        assert hub.stats()["exchanges"] == hub.stats()["feeds"] == 0

    asyncio.run(run())


def is_segment(data: bytes) -> bool:
    """A row of whole boxes that begins as a segment does."""
    at = 0
    while at < len(data):
        at += int.from_bytes(data[at : at + 4], "big") or len(data) + 1
    return at == len(data) and data[4:8] in (b"ftyp", b"prft", b"moof")
