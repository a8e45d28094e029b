"""The race of paths in a real browser: hand-over, lines that die, and what is told of them.

Frames are counted where they enter the browser: each decode time appended to the media source.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services.chromium import launch_options

PLAYER = "contera-player"
FIRST_PICTURE_MS = 15_000
FRAME_TICKS = 6_000  # 90 kHz at 15 frames a second
HELLO_BYTES = 36  # protocol/sealing.py

# Decode times as they are appended, when, and every state a player was in.
WATCH = """
window.appended = [];
window.states = [];
const append = SourceBuffer.prototype.appendBuffer;
SourceBuffer.prototype.appendBuffer = function (segments) {
  const view = new DataView(segments.buffer, segments.byteOffset, segments.byteLength);
  for (let at = 0; at + 16 < view.byteLength; at += 1) {
    if (view.getUint32(at) === 0x74666474) { // tfdt
      window.appended.push([Number(view.getBigUint64(at + 8)), performance.now()]);
      at += 16;
    }
  }
  return append.call(this, segments);
};
document.addEventListener("statechange", (event) => window.states.push(event.detail.state), true);
"""


@pytest.fixture
def watching(signed_in):
    """`watching(cameras, path=…)`: the administrator's live page, with its frames counted."""

    def open_page(cameras: list[dict], where: str = "live", **more: str) -> Page:
        page = signed_in("admin")
        page.add_init_script(WATCH)
        ids = ",".join(camera["id"] for camera in cameras)
        page.goto(f"/{where}/?cameras={ids}" + "".join(f"&{k}={v}" for k, v in more.items()))
        return page

    return open_page


def comes_over(page: Page, path: str | re.Pattern[str], timeout: int = FIRST_PICTURE_MS) -> None:
    expect(page.locator(f"{PLAYER}[data-state=playing]")).to_have_count(1, timeout=timeout)
    expect(page.locator(PLAYER)).to_have_attribute("data-path", path, timeout=timeout)


def frames(page: Page) -> list[int]:
    """Decode times in the order in which they were appended."""
    return [ticks for ticks, _ in page.evaluate("window.appended")]


def until_more_frames(page: Page, count: int = 30) -> None:
    have = page.evaluate("window.appended.length")
    page.wait_for_function(f"() => window.appended.length >= {have + count}", timeout=20_000)


def each_frame_came_once(page: Page) -> None:
    numbers = frames(page)
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    # A camera's clock wanders a little, and a looping one starts its film anew.
    wrong = {at: step for at, step in enumerate(steps) if not 0 < step < 1.5 * FRAME_TICKS}
    assert steps
    assert not wrong, f"{wrong} of {len(steps)} steps"


def report(page: Page) -> dict:
    """The file that the panel behind the path gives."""
    page.locator("[data-part=path]").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    page.keyboard.press("Escape")
    return json.loads(download.value.path().read_text())


def test_video_moves_to_the_local_network_frame_by_frame(site, wire, watching) -> None:
    """The relay shows the first picture; no frame is lost or shown twice on the way to the LAN."""
    page = watching(site.cameras[:1])
    comes_over(page, "lan")
    until_more_frames(page)
    each_frame_came_once(page)
    told = report(page)
    assert told["words"] == "The video comes over the local network."
    assert told["moves"][0]["to"] == "relay"
    assert told["moves"][-1]["to"] == "lan"
    assert int(page.locator(PLAYER).get_attribute("data-path-moves") or 0) >= 1


@pytest.mark.parametrize("way", ["hold", "cut"])
def test_a_direct_line_that_dies_gives_way(way: str, site, wire, watching) -> None:
    """L4: silently or not, another path goes on with the very next frame, without a word."""
    page = watching(site.cameras[:1])
    comes_over(page, "lan")
    until_more_frames(page, 15)
    getattr(wire, way)()
    expect(page.locator(PLAYER)).not_to_have_attribute("data-path", "lan", timeout=10_000)
    until_more_frames(page)
    each_frame_came_once(page)
    told = report(page)
    assert "lost" in {attempt["result"] for attempt in told["attempts"]}
    assert set(page.evaluate("window.states")) <= {"connecting", "playing"}


def test_recorded_video_goes_on_where_the_line_broke(demo, site, wire, watching) -> None:
    """L4: the position is kept, and the rest of the piece comes another way."""
    demo.until_recorded(40, site.recorder_id)
    page = watching(site.cameras[:1], "recorded")
    comes_over(page, "lan")
    wire.hold()
    expect(page.locator(PLAYER)).not_to_have_attribute("data-path", "lan", timeout=10_000)
    before = float(page.locator(PLAYER).get_attribute("data-position") or "nan")
    page.wait_for_function(
        f"() => document.querySelector('{PLAYER}').dataset.position > {before + 3}", timeout=20_000
    )
    numbers = frames(page)
    assert numbers == sorted(set(numbers))


def test_another_device_at_the_offered_address_learns_nothing(demo, site, wire, watching) -> None:
    """L6: another customer's recorder answers; it cannot prove to be the one of the offer."""
    other = urlsplit(demo.facts["recorders"][0]["local_url"])
    wire.target = (str(other.hostname), int(other.port or 0))
    page = watching(site.cameras[:1])
    comes_over(page, re.compile("relay|p2p"))
    page.locator("[data-part=path]").click()
    row = page.get_by_role("dialog").get_by_role("row", name=re.compile("^LAN"))
    expect(row).to_contain_text("Another device answers at this address", timeout=FIRST_PICTURE_MS)
    [sent] = wire.sent
    _, _, frames_sent = bytes(sent).partition(b"\r\n\r\n")
    assert len(frames_sent) < HELLO_BYTES + 32  # the hello and the good-bye, each with its head


def test_peer_to_peer_carries_live_video(demo, site, watching) -> None:
    page = watching(site.cameras[:1], path="p2p")
    comes_over(page, "p2p")
    until_more_frames(page, 45)
    each_frame_came_once(page)
    assert "another" not in report(page)["words"]


@pytest.fixture
def browser_with(browser_type) -> Iterator[Callable[[str], Browser]]:
    """`browser_with(argument)`: another browser, started with it."""
    with contextlib.ExitStack() as stack:

        def start(argument: str) -> Browser:
            options = launch_options()
            browser = browser_type.launch(**{**options, "args": [*options["args"], argument]})
            stack.callback(browser.close)
            return browser

        yield start


def test_a_browser_that_refuses_the_local_network_shows_the_picture(
    demo, site, wire, browser_with, sign_in
) -> None:
    """L8: Chromium takes the portal for the Internet, and nobody answers its question."""
    port = urlsplit(demo.url).port
    places = ",".join(f"{host}:{port}=public" for host in ("127.0.0.1", "[::1]"))
    page = sign_in(browser_with(f"--ip-address-space-overrides={places}"), "admin")
    page.add_init_script(WATCH)
    page.goto(f"/live/?cameras={site.cameras[0]['id']}")
    comes_over(page, re.compile("relay|p2p"))
    page.locator("[data-part=path]").click()
    row = page.get_by_role("dialog").get_by_role("row", name=re.compile("^LAN"))
    expect(row).to_contain_text(re.compile("Failed|Given up"), timeout=FIRST_PICTURE_MS)
    assert set(page.evaluate("window.states")) <= {"connecting", "playing"}
    assert not any(wire.sent)


def test_without_udp_the_relay_shows_the_picture(demo, site, browser_with, sign_in) -> None:
    """L1: as behind a firewall that drops it; at once, without an error, and the panel says why."""
    browser = browser_with("--webrtc-ip-handling-policy=disable_non_proxied_udp")
    page = sign_in(browser, "admin")
    page.add_init_script(WATCH)
    page.goto(f"/live/?cameras={site.cameras[0]['id']}")
    comes_over(page, "relay")
    assert float(page.locator(PLAYER).get_attribute("data-first-frame-ms") or "inf") <= 3000
    page.locator("[data-part=path]").click()
    sentence = page.locator("[data-part=sentence]")
    expect(sentence).to_contain_text("your network blocks UDP", timeout=20_000)
    assert set(page.evaluate("window.states")) <= {"connecting", "playing"}
    each_frame_came_once(page)


def test_a_forced_path_that_cannot_be_used_says_so(demo, watching) -> None:
    page = watching(demo.cameras[:1])
    page.get_by_label("Path").select_option("manual_nat")
    page.wait_for_url("**path=manual_nat*")
    words = page.locator("[data-part=words]")
    expect(words).to_contain_text("Manual NAT cannot be used here", timeout=FIRST_PICTURE_MS)
    expect(words).to_contain_text("Choose “Any path”")
    page.get_by_role("button", name="What was tried").click()
    expect(page.get_by_role("dialog")).to_contain_text("switched off")
    page.keyboard.press("Escape")
    page.get_by_label("Path").select_option("relay")
    comes_over(page, "relay")


def test_the_panel_opens_and_closes_by_keyboard(demo, watching) -> None:
    page = watching(demo.cameras[:1])
    comes_over(page, "lan")
    page.locator("[data-part=path]").focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("The video comes over the local network.")
    expect(panel.get_by_role("row", name=re.compile("^LAN"))).to_contain_text("Works")
    expect(panel).to_contain_text("switched off")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("[data-part=path]")).to_be_focused()


@pytest.fixture
def allow(demo) -> Iterator[Callable[..., None]]:
    """`allow("relay")`: the demo's recorder may be reached by these methods alone."""
    address = f"/api/v1/recorders/{demo.facts['recorders'][0]['id']}/network/"
    before = demo.api("GET", address)

    def put(*paths: str) -> None:
        body = {name: values | {"enabled": name in paths} for name, values in before.items()}
        demo.api("PUT", address, body | {"confirm_unreachable": True})

    yield put
    demo.api("PUT", address, before | {"confirm_unreachable": True})


def test_a_method_that_is_switched_off_gives_way_at_once(demo, allow, watching) -> None:
    """Whoever watches needs no new page, and is never told that a right is missing."""
    page = watching(demo.cameras[:1])
    comes_over(page, "lan")
    allow("relay")
    comes_over(page, "relay")
    allow("relay", "p2p")
    comes_over(page, "p2p", timeout=20_000)  # a better one that is switched on is taken
    allow("p2p")
    words = page.locator("[data-part=words]")
    comes_over(page, "p2p", timeout=60_000)
    allow()
    expect(words).to_contain_text("Every method is switched off", timeout=60_000)
    assert "denied" not in page.evaluate("window.states")
