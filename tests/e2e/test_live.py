"""Live video in a real browser: from RTSP cameras through recorder and relay to pixels."""

from __future__ import annotations

import contextlib
import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotInTime

PLAYER = "contera-player"
FIRST_PICTURE_MS = 15_000
RECOVERED_MS = 30_000


def live(page: Page, cameras: list[dict], **more: str) -> None:
    ids = ",".join(camera["id"] for camera in cameras)
    page.goto(f"/live/?cameras={ids}" + "".join(f"&{key}={value}" for key, value in more.items()))


def is_playing(page: Page, count: int = 1, timeout: int = FIRST_PICTURE_MS) -> None:
    """Every player shows moving pictures, not only says so."""
    expect(page.locator(f"{PLAYER}[data-state=playing]")).to_have_count(count, timeout=timeout)
    before = positions(page)
    page.wait_for_function(
        "before => [...document.querySelectorAll('contera-player')]"
        ".every((player, i) => player.video.currentTime > before[i] + 0.5)",
        arg=before,
    )


def positions(page: Page) -> list[float]:
    return page.locator(PLAYER).evaluate_all("all => all.map(one => one.video.currentTime)")


def widths(page: Page) -> list[int]:
    return page.locator(PLAYER).evaluate_all("all => all.map(one => one.video.videoWidth)")


@pytest.fixture
def complaints() -> list[str]:
    return []


def listen(page: Page, complaints: list[str]) -> Page:
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    return page


def test_a_viewer_watches_one_camera_in_hd(demo, signed_in, complaints) -> None:
    page = listen(signed_in("viewer"), complaints)
    live(page, demo.cameras[:1])
    is_playing(page)
    assert widths(page) == [1280]
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-path", "lan")  # everything is at this machine
    expect(player).to_have_attribute("data-profile", "hd")
    expect(player).to_have_attribute("data-latency-ms", re.compile(r"^\d+$"))
    expect(player).to_have_attribute("data-first-frame-ms", re.compile(r"^\d+$"))
    expect(page.locator("[data-part=path]")).to_have_text("LAN")
    assert complaints == []  # B1: no violation of the content security policy either


def test_four_cameras_are_a_grid_in_sd_that_hd_overrides(demo, signed_in) -> None:
    """D1, D3, D4."""
    page = signed_in("viewer")
    live(page, demo.cameras[:4])
    is_playing(page, 4)
    assert widths(page) == [640] * 4
    expect(page.locator("[data-bandwidth=expected]")).to_have_text(re.compile(r"^[\d.]+ [kM]bps$"))
    page.get_by_role("button", name="HD", exact=True).click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('contera-player')]"
        ".every(player => player.video.videoWidth === 1280)"
    )
    is_playing(page, 4)
    assert "profile=hd" in page.url


def test_enter_enlarges_a_tile_to_hd_and_back(demo, signed_in) -> None:
    page = signed_in("viewer")
    live(page, demo.cameras[:4])
    is_playing(page, 4)
    tile = page.locator(PLAYER).nth(1)
    tile.focus()
    page.keyboard.press("Enter")
    expect(tile).to_have_attribute("data-profile", "hd")
    expect(tile).to_have_class(re.compile("is-enlarged"))
    page.keyboard.press("Escape")
    expect(tile).to_have_attribute("data-profile", "sd")
    page.keyboard.press("ArrowDown")
    expect(page.locator(PLAYER).nth(3)).to_be_focused()


def test_cameras_of_a_foreign_rtsp_server_play(demo, site, signed_in) -> None:
    page = signed_in("admin")
    live(page, site.cameras)
    is_playing(page, len(site.cameras))


def test_a_paused_player_lets_go_of_the_stream_and_goes_on(demo, signed_in) -> None:
    page = signed_in("viewer")
    live(page, demo.cameras[:1])
    is_playing(page)
    page.locator(PLAYER).focus()
    page.keyboard.press("Space")
    expect(page.locator(PLAYER)).to_have_attribute("data-state", "paused")
    assert page.locator(PLAYER).evaluate("player => player.video.readyState") >= 2  # a picture
    page.get_by_role("button", name="Go on", exact=True).click()
    is_playing(page)


def test_a_player_that_leaves_the_page_leaves_nothing_behind(demo, signed_in) -> None:
    page = signed_in("viewer")
    live(page, demo.cameras[:1])
    is_playing(page)
    left = page.evaluate(
        "() => { const p = document.querySelector('contera-player'); p.remove();"
        " return [p.video.src, p.video.readyState] }"
    )
    assert left == ["", 0]


def test_the_picker_filters_and_opens_what_was_chosen(demo, signed_in) -> None:
    page = signed_in("viewer")
    page.goto("/live/")
    name = demo.cameras[1]["name"]
    page.get_by_label("Find a camera").fill(name)
    expect(page.locator("[data-words]:visible")).to_have_count(1)
    page.get_by_label(name, exact=True).check()
    page.get_by_role("button", name="Watch").click()
    page.wait_for_url(f"**/live/?cameras={demo.cameras[1]['id']}")
    is_playing(page)


@pytest.mark.parametrize("service", ["recorder", "portal"])
def test_it_comes_back_by_itself_after_a_restart(service, demo, signed_in) -> None:
    page = signed_in("viewer")
    live(page, demo.cameras[:2], path="relay")  # others do not need the portal to go on
    is_playing(page, 2)
    os.kill(demo.pid(service), signal.SIGKILL)
    player = page.locator(PLAYER).first
    expect(player).not_to_have_attribute("data-state", "playing", timeout=10_000)
    assert player.locator("[data-part=title]").inner_text()
    is_playing(page, 2, RECOVERED_MS)


def test_a_stranger_gets_no_page(demo, signed_in) -> None:
    """A3: another organisation's camera is not found."""
    answer = signed_in("stranger").goto(f"/live/?cameras={demo.cameras[0]['id']}")
    assert answer is not None
    assert answer.status == 404


def test_taking_the_grant_away_ends_the_running_stream(demo, signed_in) -> None:
    """A6: within 60 s; the page says why in words."""
    page = signed_in("viewer")
    live(page, demo.cameras[:1])
    is_playing(page)
    taken = take_live_away(demo)
    try:
        expect(page.locator(PLAYER)).to_have_attribute("data-state", "denied", timeout=60_000)
        expect(page.locator("[data-part=words]")).to_contain_text("right")
        assert page.locator(PLAYER).evaluate("player => player.video.readyState") == 0
        page.wait_for_timeout(1_000)  # nothing that comes late is said over it
        expect(page.locator(PLAYER)).to_have_attribute("data-state", "denied")
    finally:
        give_back(demo, taken)
    with contextlib.suppress(NotInTime):  # a change of rights may have brought it back already
        page.get_by_role("button", name="Try again").click(timeout=2000)
    is_playing(page)


def take_live_away(demo) -> tuple[str, list[dict]]:
    """Address and grants of the viewer's group as they were; its right to live video is gone."""
    groups = demo.api("GET", "/api/v1/groups/")["results"]
    group = next(one for one in groups if one["name"] == "Gate keepers")
    path = f"/api/v1/groups/{group['id']}/grants/"
    grants = demo.api("GET", path)["grants"]
    left = [
        {**one, "rights": [right for right in one["rights"] if right != "live"]} for one in grants
    ]
    demo.api("PUT", path, {"grants": [one for one in left if one["rights"]]})
    return path, grants


def give_back(demo, taken: tuple[str, list[dict]]) -> None:
    path, grants = taken
    demo.api("PUT", path, {"grants": grants})
