"""Who watched what by the relay: noted while video flows, told once it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from streaming.relay import viewings as relay_viewings
from streaming.relay.hub import Hub
from streaming.relay.viewings import Told
from tests.relay.cast import INIT, LIVE_HEAD, FakeClock, Site, credential, frame, watch


def _answer(site: Site) -> None:
    site.answer(site.take(), LIVE_HEAD + INIT + frame(0, is_key=True))


class Portal:
    """Takes what it is told, after being away `away` times."""

    def __init__(self, away: int = 0) -> None:
        self.told: list[Told] = []
        self.away = away

    async def __call__(self, told: Sequence[Told]) -> None:
        if self.away:
            self.away -= 1
            raise OSError("away")
        self.told += told


async def _told(hub: Hub, portal: Portal) -> list[tuple[str, str, float, float]]:
    """What the portal has after the relay was stopped."""
    telling = asyncio.create_task(hub.viewings.tell(portal))
    await asyncio.sleep(0)
    telling.cancel()
    await asyncio.wait([telling])
    seen = [one.viewing for one in portal.told]
    return [(v.watcher.session_id, v.watcher.user_id, v.start, v.end) for v in seen]


async def test_each_viewer_of_a_feed_is_a_viewing(hub: Hub, site: Site, clock: FakeClock) -> None:
    start = clock.unix()
    viewer, _, feed = watch(hub, credential(hub, clock, session="a", user="ada"))
    _answer(site)
    watch(hub, credential(hub, clock, session="b", user="bob"))
    clock.now += 20
    feed.leave(viewer)
    clock.now += 10
    portal = Portal()
    told = await _told(hub, portal)
    assert sorted(told) == [
        ("a", "ada", start, start + 20),
        ("b", "bob", start, start + 30),
    ]
    assert portal.told[0].token == viewer.credential.text


async def test_who_never_got_video_watched_nothing(hub: Hub, site: Site, clock: FakeClock) -> None:
    watch(hub, credential(hub, clock))
    site.answer(site.take(), b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    assert await _told(hub, Portal()) == []


async def test_a_feed_that_moves_is_one_viewing(hub: Hub, site: Site, clock: FakeClock) -> None:
    start = clock.unix()
    watch(hub, credential(hub, clock))
    _answer(site)
    clock.now += 6
    again = Site(hub, boot="boot-number-two")
    again.poll()
    again.poll()
    _answer(again)
    clock.now += 4
    assert await _told(hub, Portal()) == [("session", "owner", start, start + 10)]


async def test_a_portal_that_is_away_is_told_later(hub: Hub, site: Site, clock: FakeClock) -> None:
    watch(hub, credential(hub, clock))
    _answer(site)
    clock.now += 1
    hub.drain()
    clock.now += 3
    hub.viewings.tick()
    portal = Portal(away=1)
    assert len(await _told(hub, portal)) == 1
    assert hub.counters["viewing_delayed"] == 1


async def test_untold_viewings_are_bounded_and_drops_are_counted(
    hub: Hub, site: Site, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_viewings, "MAX_UNTOLD", 2)
    for number in range(4):
        viewer, _, feed = watch(hub, credential(hub, clock, session=str(number)))
        if not number:
            _answer(site)
        feed.leave(viewer)
        clock.now += 0.5
    clock.now += 3
    hub.viewings.tick()
    assert hub.counters["viewing_dropped"] == 2
    assert [session for session, *_ in await _told(hub, Portal())] == ["2", "3"]
