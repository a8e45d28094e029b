"""Links, polls and exchanges of the hub, with time moved by hand."""

from __future__ import annotations

import pytest

from protocol.http_message import Request, parse_request
from streaming.relay.exchange import Exchange
from streaming.relay.hub import Hub
from streaming.relay.limits import (
    ANSWER_S,
    LINK_GRACE_S,
    MAX_EXCHANGES,
    MAX_WAITING,
    POLL_HOLD_S,
    STALL_S,
)
from streaming.relay.passage import Passage
from streaming.relay.refusals import Refusal
from tests.relay.cast import (
    OTHER,
    RECORDER,
    FakeClock,
    Screen,
    Site,
    access_token,
    credential,
    relay_pass,
    watch,
)


def ask(hub: Hub, clock: FakeClock, target: str = "/v1/cameras") -> Screen:
    screen = Screen()
    passage = Passage(screen)
    request = Request("GET", target, (("Accept", "x"), ("Cookie", "secret"), ("Host", "evil")))
    passage.attach(hub.submit(RECORDER, request, credential(hub, clock), passage))
    return screen


def refused(call: object, *arguments: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*arguments)  # type: ignore[operator]  # any callable of the hub
    return caught.value


async def test_a_known_id_without_its_key_is_refused_before_any_registration(
    hub: Hub, clock: FakeClock
) -> None:
    """R1."""
    for token in (None, "x", access_token(clock), relay_pass(clock)[:-4] + "AAAA"):
        assert refused(hub.verify_pass, token).status == 401
    assert hub.stats()["links"] == 0


async def test_an_expired_pass_is_refused_though_it_was_good_before(
    hub: Hub, clock: FakeClock
) -> None:
    token = relay_pass(clock)
    assert hub.verify_pass(token).recorder_id == RECORDER
    clock.now += 3700
    assert refused(hub.verify_pass, token).code == "token_expired"


async def test_a_poll_brings_the_request_with_allowed_headers_and_the_viewers_token(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    ask(hub, clock, "/v1/cameras?x=1")
    request = parse_request(site.take().request)
    assert (request.method, request.target) == ("GET", "/v1/cameras?x=1")
    assert [name for name, _ in request.headers] == ["Accept", "Authorization"]


async def test_an_answer_passes_through(hub: Hub, site: Site, clock: FakeClock) -> None:
    screen = ask(hub, clock)
    exchange = site.take()
    site.answer(
        exchange,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    )
    exchange.close()
    assert (screen.status, screen.body, screen.outcome) == (200, b"{}", "end")


async def test_an_idle_poll_is_answered_after_its_time(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    clock.now += POLL_HOLD_S
    hub.tick()
    assert [poll.answer.result() for poll in site.polls] == [None, None]


async def test_a_request_waits_for_a_poll_that_is_about_to_come(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    for _ in range(2):
        ask(hub, clock)
    ask(hub, clock, "/v1/third")
    assert b"/v1/third" in [site.take().request for _ in range(3)][2]


async def test_an_unlinked_recorder_is_offline_at_once(hub: Hub, clock: FakeClock) -> None:
    assert refused(ask, hub, clock).code == "recorder_offline"


async def test_a_link_without_polls_is_offline_within_45_s(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """R7: the recorder vanished without a word and nobody closed its connections."""
    screen = ask(hub, clock)
    clock.now += POLL_HOLD_S
    hub.tick()
    assert hub.is_linked(RECORDER)
    clock.now += LINK_GRACE_S + 1
    hub.tick()
    assert not hub.is_linked(RECORDER)
    assert screen.status in (503, 504)


async def test_nothing_leaks_after_a_thousand_cycles(hub: Hub, clock: FakeClock) -> None:
    """R7."""
    for number in range(1000):
        site = Site(hub, boot=f"boot-{number:08}")
        site.poll()
        ask(hub, clock)
        watch(hub, credential(hub, clock))
        clock.now += 60
        hub.tick()
        hub.tick()
    gauges = ("links", "polls", "waiting", "exchanges", "feeds", "viewers", "sessions")
    assert [hub.stats()[name] for name in gauges] == [0] * len(gauges)
    assert hub.counters["unlinked"] == 1000


async def test_the_newest_boot_wins_and_the_older_one_stays_out(hub: Hub, site: Site) -> None:
    """R2."""
    newer = Site(hub, boot="boot-number-two")
    newer.poll()
    assert all(isinstance(poll.answer.exception(), Refusal) for poll in site.polls)
    assert refused(site.poll).code == "replaced"
    assert hub.is_linked(RECORDER)


async def test_viewers_of_the_older_boot_are_told_at_once(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """R2."""
    screen = ask(hub, clock)
    post = site.answer(site.take())
    Site(hub, boot="boot-number-two").poll()
    assert screen.status == 409
    assert post.stopped is not None


async def test_two_devices_that_take_turns_are_damped(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """R2."""
    for number in range(3):
        Site(hub, boot=f"boot-turn-{number}").poll()
    assert refused(Site(hub, boot="boot-turn-3").poll).code == "link_flapping"
    clock.now += 11
    Site(hub, boot="boot-turn-3").poll()
    assert hub.counters["poll_link_flapping"] == 1


@pytest.mark.parametrize("case", ["unknown", "foreign", "not handed", "answered", "cancelled"])
async def test_all_wrong_answers_are_refused_alike(
    hub: Hub, site: Site, clock: FakeClock, case: str
) -> None:
    """R3."""
    for _ in range(3):
        screen = ask(hub, clock)
    exchange, second = site.take(), site.take()
    exchange_id, recorder = exchange.id, RECORDER
    if case == "unknown":
        exchange_id = "0" * 32
    elif case == "foreign":
        recorder = OTHER
    elif case == "not handed":
        exchange_id = second.id
        second.take_back()
    elif case == "answered":
        site.answer(exchange)
    else:
        exchange.cancel()
    refusal = refused(Site(hub, recorder).answer, type("X", (), {"id": exchange_id})())
    assert (refusal.status, refusal.body()) == (404, refused_body())
    assert screen.outcome is None


def deliver(exchange: Exchange, answer: bytes) -> None:
    exchange.feed(answer)
    exchange.close()


def refused_body() -> bytes:
    return Refusal(
        404, "exchange_not_found", "No exchange of this recorder waits for this answer."
    ).body()


async def test_a_recorder_that_never_answers_ends_in_504(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    screen = ask(hub, clock)
    site.take()
    clock.now += ANSWER_S + 1
    site.polls.clear()
    site.poll()
    hub.tick()
    assert screen.status == 504
    assert hub.counters["exchange_recorder_silent"] == 1


async def test_an_answer_that_stops_in_its_middle_is_broken_off(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    screen = ask(hub, clock)
    post = site.answer(site.take(), b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\nabc")
    clock.now += STALL_S + 1
    site.poll()
    hub.tick()
    assert (screen.body, screen.outcome) == (b"abc", "recorder_silent")
    assert post.stopped is not None


async def test_a_viewer_that_goes_away_stops_the_recorder(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    ask(hub, clock)
    exchange = site.take()
    post = site.answer(exchange, b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\nabc")
    exchange.cancel()
    assert post.stopped is not None
    assert (post.stopped.status, post.stopped.code) == (409, "cancelled")
    exchange.feed(b"more")  # on its way already: ignored


async def test_a_slow_viewer_makes_the_recorder_wait(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    screen = ask(hub, clock)
    exchange = site.take()
    post = site.answer(exchange, b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n")
    screen.is_writable = False
    for _ in range(5):
        exchange.feed(bytes(64 * 1024))
    assert post.is_paused
    screen.is_writable = True
    exchange_sink = exchange._sink
    assert isinstance(exchange_sink, Passage)
    exchange_sink.drain()
    assert not post.is_paused
    assert len(screen.body) == 5 * 64 * 1024


async def test_requests_have_a_bound(hub: Hub, site: Site, clock: FakeClock) -> None:
    for _ in range(MAX_WAITING + 2):
        ask(hub, clock)
    assert refused(ask, hub, clock).code == "too_busy"
    assert MAX_EXCHANGES > MAX_WAITING


async def test_a_request_that_met_a_dead_poll_goes_to_the_next(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    ask(hub, clock)
    dead = site.polls[0].answer.result()
    assert dead is not None
    hub.put_back(dead)
    assert site.polls[1].answer.result() is dead


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Type: video/mp4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x1f\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100 + b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 2\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<script>",
        b"HTTP/1.1 302 Found\r\nLocation: https://evil\r\nContent-Type: video/mp4\r\n\r\n",
        b"\x16\x03\x01",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
    ids=range(14),
)
async def test_a_malformed_answer_ends_its_own_exchange_only(
    hub: Hub, site: Site, clock: FakeClock, answer: bytes
) -> None:
    """R11, R12."""
    screen, other = ask(hub, clock), ask(hub, clock)
    exchange, second = site.take(), site.take()
    site.answer(second, b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
    post = site.answer(exchange)
    assert refused(deliver, exchange, answer).status == 400
    assert post.stopped is None  # the caller says so itself
    assert screen.status == 502 or screen.outcome == "bad_answer"
    assert (other.received, other.outcome) == ([], None)


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nabc",
    ],
)
async def test_a_truncated_answer_is_never_taken_for_whole(
    hub: Hub, site: Site, clock: FakeClock, sent: bytes
) -> None:
    """R11."""
    screen = ask(hub, clock)
    exchange = site.take()
    site.answer(exchange, sent)
    assert refused(exchange.close).code == "truncated"
    assert screen.status == 502 or screen.outcome == "bad_answer"


async def test_a_stopping_relay_answers_its_polls_and_takes_no_more(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    """R8."""
    hub.drain()
    assert [poll.answer.result() for poll in site.polls] == [None, None]
    assert refused(site.poll).code == "relay_stopping"
    assert refused(ask, hub, clock).code == "relay_stopping"
