"""Recorded video in a real browser: what was recorded a moment ago, measured in its pixels."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from protocol.times import parse_time

PLAYER = "contera-player"
FIRST_PICTURE_MS = 15_000
FRAME_S = 1 / 15

# The frame number that is burnt into the picture (demo/overlay.py), of each player.
READ_FRAMES = """() => [...document.querySelectorAll('contera-player')].map(({ video }) => {
  const [w, h] = [video.videoWidth, video.videoHeight];
  const canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  let number = 0;
  for (let bit = 0; bit < 10; bit += 1) {
    const x = Math.round((0.35 + 0.03 * (bit + 0.5)) * w);
    const { data } = context.getImageData(x - 2, Math.round(0.08 * h) - 2, 4, 4);
    number = number * 2 + (data.filter((_, i) => i % 4 === 1).reduce((a, b) => a + b) / 16 > 127);
  }
  return number;
})"""


@pytest.fixture(autouse=True)
def _enough_is_recorded(demo) -> None:
    demo.until_recorded(40)


def moment(seconds_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def recorded(page: Page, cameras: list[dict], time: str) -> None:
    ids = ",".join(camera["id"] for camera in cameras)
    page.goto(f"/recorded/?cameras={ids}&time={time}")


def is_playing(page: Page, count: int = 1) -> None:
    playing = page.locator(f"{PLAYER}[data-state=playing]")
    expect(playing).to_have_count(count, timeout=FIRST_PICTURE_MS)


def position(page: Page) -> float:
    return float(page.locator(PLAYER).first.get_attribute("data-position") or "nan")


def pause(page: Page) -> None:
    page.keyboard.press("k")
    expect(page.locator(f"{PLAYER}[data-state=paused]").first).to_be_visible()
    page.wait_for_timeout(400)  # the last seek settles


def apart(a: float, b: float, loop: float) -> float:
    """Distance of two positions of a loop."""
    return min((a - b) % loop, (b - a) % loop)


@pytest.fixture
def paused(demo, signed_in):
    """The page of two cameras, playing from 20 s ago, then paused."""
    page = signed_in("viewer")
    recorded(page, demo.cameras[:2], moment(20))
    is_playing(page, 2)
    pause(page)
    return page


def test_it_shows_the_time_it_says_in_all_cameras(paused) -> None:
    """D2: the clock in the pixels is the clock on the page, in step."""
    numbers = paused.evaluate(READ_FRAMES)
    for number in numbers:
        # The cameras' clocks are true; recorder and RTSP add less than half a second.
        assert apart(position(paused) % 60, number * FRAME_S, 60) < 0.5
    assert apart(*numbers, 900) <= 2


def step(page: Page, key: str) -> int:
    """Press the key; the number of the frame that is shown then, once it is another one."""
    before = page.evaluate(READ_FRAMES)[0]
    page.keyboard.press(key)
    page.wait_for_function(f"before => ({READ_FRAMES})()[0] !== before", arg=before, timeout=5000)
    page.wait_for_function("() => !document.querySelector('contera-player').video.seeking")
    return page.evaluate(READ_FRAMES)[0]


def test_a_step_is_one_frame(paused) -> None:
    """Every frame in turn, and the same ones on the way back."""
    on = [step(paused, ".") for _ in range(4)]
    back = [step(paused, ",") for _ in range(3)]
    assert back == on[-2::-1]
    assert [(b - a) % 900 for a, b in pairwise(on)] == [1, 1, 1]


def test_seeking_by_keyboard_moves_the_time(paused) -> None:
    before = position(paused)
    timeline = paused.get_by_role("slider", name="Time")
    timeline.focus()
    paused.keyboard.press("Shift+ArrowLeft")
    expect(paused.locator(PLAYER).first).not_to_have_attribute("data-position", f"{before:.3f}")
    assert position(paused) == pytest.approx(before - 10, abs=0.5)
    paused.wait_for_function("() => !document.querySelector('contera-player').video.seeking")
    paused.wait_for_timeout(500)
    assert apart(position(paused) % 60, paused.evaluate(READ_FRAMES)[0] * FRAME_S, 60) < 0.5
    expect(timeline).to_have_attribute("aria-valuetext", re.compile("recorded|Car park"))


def speed(page: Page) -> float:
    """Seconds of video a second, over two of them."""
    before, then = position(page), datetime.now(UTC)
    page.wait_for_timeout(2000)
    return (position(page) - before) / (datetime.now(UTC) - then).total_seconds()


def test_it_plays_at_four_times_the_speed(demo, signed_in) -> None:
    page = signed_in("viewer")
    recorded(page, demo.cameras[:1], moment(35))
    is_playing(page)
    page.get_by_label("Speed").select_option("4")
    # A busy machine loads slowly now and then, and the clock waits for the picture.
    assert max(speed(page) for _ in range(3)) == pytest.approx(4, rel=0.35)
    pause(page)
    assert apart(position(page) % 60, page.evaluate(READ_FRAMES)[0] * FRAME_S, 60) < 1.5


def test_it_jumps_over_a_gap_and_says_so(demo, signed_in) -> None:
    page = signed_in("viewer")
    recorded(page, demo.cameras[:1], moment(3600))
    expect(page.locator("[data-part=say]")).to_contain_text(
        "Nothing was recorded for", timeout=FIRST_PICTURE_MS
    )
    is_playing(page)


def test_marks_go_into_a_new_incident(demo, signed_in) -> None:
    page = signed_in("admin")
    recorded(page, demo.cameras[:2], moment(20))
    is_playing(page, 2)
    page.keyboard.press("i")
    page.wait_for_timeout(2500)
    page.keyboard.press("o")
    expect(page.locator("[data-part=say]")).to_contain_text("Marked")
    page.wait_for_timeout(300)
    query = parse_qs(urlsplit(page.locator("[data-part=incident]").get_attribute("href")).query)
    assert query["cameras"] == [",".join(camera["id"] for camera in demo.cameras[:2])]
    length = parse_time(query["end"][0]) - parse_time(query["start"][0])
    assert timedelta(seconds=2) <= length <= timedelta(seconds=5)


def test_at_the_end_it_says_that_it_caught_up(demo, signed_in) -> None:
    page = signed_in("viewer")
    recorded(page, demo.cameras[:1], moment(9))
    is_playing(page)
    page.get_by_label("Speed").select_option("8")
    expect(page.locator("[data-part=say]")).to_contain_text("caught up", timeout=20_000)
    expect(page.get_by_role("link", name="Live", exact=True).last).to_be_visible()


def test_a_stranger_gets_no_page(demo, signed_in) -> None:
    """A3: another organisation's camera is not found."""
    answer = signed_in("stranger").goto(f"/recorded/?cameras={demo.cameras[0]['id']}")
    assert answer is not None
    assert answer.status == 404
