"""Live fan-out: one upload, many viewers, each with what its token and its line allow."""

from __future__ import annotations

import contextlib

import pytest

from protocol.http_message import parse_request
from streaming.relay.exchange import Exchange
from streaming.relay.hub import Hub
from streaming.relay.limits import LINGER_S, STALLED_S
from streaming.relay.refusals import Refusal
from tests.relay.cast import (
    INIT,
    LIVE_HEAD,
    RECORDER,
    FakeClock,
    Screen,
    Site,
    credential,
    frame,
    watch,
)


def number_of(data: bytes) -> int:
    at = data.index(b"tfdt") + 8
    return int.from_bytes(data[at : at + 8], "big") // 6000


@pytest.fixture
async def running(hub: Hub, site: Site, clock: FakeClock) -> tuple[Screen, Exchange]:
    """A viewer, and the exchange that feeds it."""
    _, screen, _ = watch(hub, credential(hub, clock))
    exchange = site.take()
    site.answer(exchange, LIVE_HEAD + INIT + frame(0, is_key=True) + frame(1))
    return screen, exchange


async def test_the_site_is_asked_once_however_many_watch(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    for _ in range(9):
        watch(hub, credential(hub, clock))
    assert hub.stats()["exchanges"] == 1
    assert hub.stats()["viewers"] == 10


async def test_a_joiner_gets_initialisation_and_the_current_pictures_at_once(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    running[1].feed(frame(2, is_key=True) + frame(3))
    _, screen, _ = watch(hub, credential(hub, clock))
    assert screen.received == [INIT, frame(2, is_key=True), frame(3)]


async def test_a_viewer_from_another_path_gets_what_it_has_not_seen(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    """L4: the hand-over loses nothing."""
    running[1].feed(frame(2, is_key=True) + frame(3))
    _, screen, _ = watch(hub, credential(hub, clock), since=1 * 6000)
    seen = [frame(0, is_key=True), frame(1), frame(2, is_key=True), frame(3)]
    assert screen.received == [INIT, *seen]


async def test_the_first_viewers_time_is_asked_of_the_recorder(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """Nothing is kept yet at the relay."""
    watch(hub, credential(hub, clock), since=77)
    assert site.take().request.startswith(b"GET /v1/cameras/1/live?profile=sd&since=77 ")


async def test_each_viewer_has_a_stream_id_of_its_own_and_allowed_headers(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    """R12."""
    viewer, screen, _ = watch(hub, credential(hub, clock))
    head = screen.heads[0]
    assert head.header("contera-stream") == viewer.id != "upstream-1"
    assert [name for name, _ in head.headers] == ["Content-Type", "Contera-Stream"]


async def test_one_write_is_one_whole_segment_however_the_bytes_came(
    running: tuple[Screen, Exchange],
) -> None:
    screen, exchange = running
    screen.received.clear()
    data = frame(2) + frame(3)
    for at in range(0, len(data), 7):
        exchange.feed(data[at : at + 7])
    assert screen.received == [frame(2), frame(3)]


async def test_a_stream_that_is_no_video_reaches_nobody(
    hub: Hub, running: tuple[Screen, Exchange]
) -> None:
    """R11: a hostile recorder cannot inject what is not a segment."""
    screen, exchange = running
    screen.received.clear()
    with pytest.raises(Refusal):
        exchange.feed(b"<script>alert(1)</script>")
    assert (screen.received, screen.outcome) == ([], "bad_answer")
    assert hub.stats()["feeds"] == 0


async def test_a_viewer_that_stops_reading_costs_the_nine_others_nothing(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    """R5."""
    others = [watch(hub, credential(hub, clock))[1] for _ in range(9)]
    slow = running[0]
    slow.is_writable = False
    before = len(slow.received)
    for number in range(2, 302):
        clock.now += 1 / 15
        running[1].feed(frame(number, number % 15 == 0, size=4000))
    assert all(len(screen.received) == 3 + 300 for screen in others)
    assert len(slow.received) == before


async def test_the_queue_of_a_slow_viewer_is_never_older_than_two_seconds(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """R6: what it gets when it reads again is at most 2 s old, and it is told what it missed."""
    viewer, screen, _ = watch(hub, credential(hub, clock))
    exchange = site.take()
    site.answer(exchange, LIVE_HEAD + INIT)
    screen.is_writable = False
    for number in range(75):
        clock.now += 1 / 15
        exchange.feed(frame(number, number % 15 == 0))
    screen.is_writable = True
    viewer.drain()
    assert screen.received[0] == INIT
    assert screen.received[1].startswith(frame(0, is_key=True)[:32])
    assert number_of(screen.received[1]) >= 75 - 2 * 15 - 1
    assert screen.notices[0][0] == "frames_dropped"
    assert screen.notices[0][1]["frames"] > 0


async def test_a_viewer_that_takes_nothing_is_cut(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    """R5."""
    screen, exchange = running
    screen.is_writable = False
    clock_step = STALLED_S / 10
    for number in range(12):
        clock.now += clock_step
        exchange.feed(frame(number))
        hub.tick()
        if number == 0:
            Site(hub).poll()
    assert screen.outcome == "too_slow"
    assert hub.counters["cut_too_slow"] == 1


async def test_the_feed_ends_soon_after_the_last_viewer(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    viewer, _, feed = watch(hub, credential(hub, clock))
    post = site.answer(site.take(), LIVE_HEAD + INIT)
    feed.leave(viewer)
    clock.now += LINGER_S - 1
    hub.tick()
    assert post.stopped is None
    clock.now += 2
    hub.tick()
    assert post.stopped is not None
    assert hub.stats()["feeds"] == 0


async def test_a_page_that_reloads_finds_its_feed(hub: Hub, site: Site, clock: FakeClock) -> None:
    viewer, _, feed = watch(hub, credential(hub, clock))
    site.answer(site.take(), LIVE_HEAD + INIT + frame(0, is_key=True))
    feed.leave(viewer)
    clock.now += LINGER_S - 1
    _, screen, _ = watch(hub, credential(hub, clock))
    clock.now += LINGER_S + 1
    hub.tick()
    assert screen.received == [INIT, frame(0, is_key=True)]
    assert screen.outcome is None


async def test_the_token_of_a_viewer_renews_the_feed(
    hub: Hub, running: tuple[Screen, Exchange], site: Site, clock: FakeClock
) -> None:
    clock.now += 15
    watch(hub, credential(hub, clock))
    clock.now += 6
    site.poll()
    hub.tick()
    exchange = site.take()
    request = parse_request(exchange.request)
    assert (request.method, request.target) == ("POST", "/v1/streams/upstream-1/renewal")
    site.answer(exchange, b"HTTP/1.1 204 No Content\r\n\r\n")
    exchange.close()
    hub.tick()
    with pytest.raises(LookupError):
        site.take()


async def test_a_failed_renewal_is_tried_again(
    hub: Hub, running: tuple[Screen, Exchange], site: Site, clock: FakeClock
) -> None:
    clock.now += 21
    site.poll()
    watch(hub, credential(hub, clock))
    hub.tick()
    exchange = site.take()
    site.answer(exchange, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    exchange.close()
    clock.now += 6
    hub.tick()
    assert b"/renewal" in site.take().request
    assert hub.counters["renewal_failed_503"] == 1


async def test_a_viewer_whose_token_expires_is_cut_while_others_go_on(
    hub: Hub, running: tuple[Screen, Exchange], site: Site, clock: FakeClock
) -> None:
    """A6."""
    clock.now += 30
    site.poll()
    _, screen, _ = watch(hub, credential(hub, clock))
    clock.now += 30
    running[1].feed(frame(9))
    site.poll()
    hub.tick()
    assert (running[0].outcome, screen.outcome) == ("token_expired", None)


async def test_a_viewer_without_the_right_gets_no_picture(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    with pytest.raises(Refusal) as caught:
        watch(hub, credential(hub, clock, grants={1: {"playback"}, 2: {"live"}}))
    assert (caught.value.status, caught.value.code) == (403, "not_granted")
    assert hub.stats()["feeds"] == 0


async def test_the_recorders_own_refusal_reaches_all_who_wait(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    screens = [watch(hub, credential(hub, clock))[1] for _ in range(2)]
    exchange = site.take()
    body = b'{"code": "camera_unavailable"}'
    head = b"HTTP/1.1 503 X\r\nContent-Type: application/problem+json\r\n\r\n"
    site.answer(exchange, head + body)
    exchange.close()
    assert [(s.status, s.body, s.outcome) for s in screens] == [(503, body, "end")] * 2


async def test_the_end_of_the_upload_is_told_with_a_code(running: tuple[Screen, Exchange]) -> None:
    running[1].close()
    assert running[0].outcome == "stream_ended"


async def test_a_recorder_that_goes_offline_ends_its_feeds(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    clock.now += 20
    hub.tick()
    clock.now += 11
    hub.tick()
    assert running[0].outcome == "recorder_offline"
    assert not hub.is_linked(RECORDER)


async def test_a_stream_is_renewed_only_by_the_person_and_session_that_has_it(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    viewer, _, _ = watch(hub, credential(hub, clock))
    for what in ({"user": "stranger"}, {"session": "another"}):
        with pytest.raises(Refusal) as caught:
            hub.renew_stream(viewer.id, credential(hub, clock, **what))
        assert caught.value.code == "stream_not_found"
    clock.now += 10
    fresh = credential(hub, clock)
    hub.renew_stream(viewer.id, fresh)
    assert viewer.credential is fresh


async def test_a_stopping_relay_ends_streams_politely(
    hub: Hub, running: tuple[Screen, Exchange]
) -> None:
    """R8."""
    hub.drain()
    assert running[0].outcome == "end"


async def test_viewers_go_on_with_a_newer_start_of_the_recorder(
    hub: Hub, running: tuple[Screen, Exchange], clock: FakeClock
) -> None:
    """R2: at once, without asking again; one request to the site for all of them."""
    first, (_, second, _) = running[0], watch(hub, credential(hub, clock))
    newer = Site(hub, boot="boot-number-two")
    newer.poll()
    newer.poll()
    newer.answer(newer.take(), LIVE_HEAD + INIT + frame(100, is_key=True) + frame(101))
    for screen in (first, second):
        assert screen.received[-3:] == [INIT, frame(100, is_key=True), frame(101)]
        assert (len(screen.heads), screen.outcome) == (1, None)
    assert hub.stats()["exchanges"] == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 503 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 503),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", 502),
    ],
)
async def test_a_newer_start_without_video_ends_the_stream_in_words(
    hub: Hub, running: tuple[Screen, Exchange], answer: bytes, outcome: int
) -> None:
    newer = Site(hub, boot="boot-number-two")
    newer.poll()
    newer.poll()
    exchange = newer.take()
    with contextlib.suppress(Refusal):
        newer.answer(exchange, answer)
        exchange.close()
    words = {503: "stream_ended", 502: "bad_answer"}
    assert (len(running[0].heads), running[0].outcome) == (1, words[outcome])
    assert hub.stats()["feeds"] == 0
