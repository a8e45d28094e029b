"""Who watched what, from the browser to the audit trail, with the real programs (A4, A5)."""

from __future__ import annotations

import time
import urllib.request
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

PLAYER = "contera-player"
TOLD_S = 60.0


def _watched(demo, site) -> list[dict]:
    lines = demo.api("GET", "/api/v1/audit/?action=video.watched")["results"]
    return [
        {**line["detail"], "who": line["actor_name"], "address": line["address"]}
        for line in lines
        if line["detail"]["recorder"] == site.recorder_id
    ]


def _until_told(demo, site, wanted: set[tuple[str, str]]) -> list[dict]:
    deadline = time.monotonic() + TOLD_S
    while time.monotonic() < deadline:
        lines = _watched(demo, site)
        if wanted <= {(line["kind"], line["path"]) for line in lines}:
            return lines
        time.sleep(0.5)
    raise AssertionError(f"{wanted} is not all in {lines}")


def _comes_over(page: Page, path: str) -> None:
    expect(page.locator(f"{PLAYER}[data-state=playing]")).to_have_count(1, timeout=20_000)
    expect(page.locator(PLAYER)).to_have_attribute("data-path", path, timeout=20_000)


def test_what_a_person_watched_is_in_the_trail(demo, site, wire, signed_in) -> None:
    """Live by the relay and then by the local network, without a gap between; a file, and a
    picture. Each says who, from when to when, by which way and from where."""
    demo.until_recorded(5, site.recorder_id)
    page = signed_in("admin")
    page.goto(f"/live/?cameras={site.cameras[0]['id']}")
    _comes_over(page, "lan")
    page.wait_for_timeout(1_500)
    page.goto("/recorders/")
    _fetch_file_and_picture(demo, site)
    lines = _until_told(demo, site, {("live", "relay"), ("live", "lan"), ("clip", "relay")})
    live = {line["path"]: line for line in lines if line["kind"] == "live"}
    admin = demo.account("admin").email
    assert {line["who"] for line in lines} == {admin}
    assert {line["address"] for line in lines} == {"127.0.0.1"}
    ended, began = live["relay"]["to"], live["lan"]["from"]
    assert datetime.fromisoformat(began) - datetime.fromisoformat(ended) <= timedelta(seconds=1)
    clip = next(line for line in lines if line["kind"] == "clip")
    assert clip["recorded_from"] < clip["recorded_to"]
    _the_page_tells_it(page)


def _fetch_file_and_picture(demo, site) -> None:
    session = demo.api("POST", f"/api/v1/recorders/{site.recorder_id}/session/", {"path": "relay"})
    end = datetime.now(UTC) - timedelta(seconds=1)
    start = end - timedelta(seconds=2)
    span = f"start={start:%Y-%m-%dT%H:%M:%SZ}&end={end:%Y-%m-%dT%H:%M:%SZ}"
    for what in (f"clip.mp4?{span}", "snapshot.jpg"):
        url = f"{demo.url}/relay/v1/recorders/{site.recorder_id}/v1/cameras/1/{what}"
        request = urllib.request.Request(url)
        request.add_header("Authorization", f"Bearer {session['token']}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.read()


def _the_page_tells_it(page: Page) -> None:
    page.goto("/audit/?group=watching")
    line = page.locator(".audit-line", has_text="Video watched: Foreign 1").first
    line.locator("summary").click()
    expect(line).to_contain_text("relay")
