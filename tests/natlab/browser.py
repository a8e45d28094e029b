"""Chromium on a viewer's machine: signs in and watches a recorder, as a person does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.natlab.portal import Portal, email
from tests.services.chromium import launch_options

PLAYER = "contera-player"
PERSON = "admin"
PLAYING_MS = 15_000
SETTLED_MS = 20_000  # every offer has run into its deadline by then
STEADY_S = 1.0


@dataclass(frozen=True)
class Seen:
    """What the player tells of itself once it keeps to a path."""

    path: str
    first_frame_ms: int
    report: str = ""  # what the player says of its connection, when the path is another


@contextlib.contextmanager
def page_on(portal: Portal, machine: str, folder: Path) -> Iterator[Page]:
    """A signed-in page on a machine."""
    options = launch_options()
    program = folder / f"chromium-{machine}"
    line = portal.laboratory.command(machine, options["executable_path"])
    program.write_text(f'#!/bin/sh\nexec {" ".join(line)} "$@"\n')
    program.chmod(0o700)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**{**options, "executable_path": str(program)})
        try:
            page = browser.new_context(base_url=portal.url, ignore_https_errors=True).new_page()
            page.goto("/accounts/login/")
            page.fill("input[name=login]", email(PERSON))
            page.fill("input[name=password]", portal.passwords[PERSON])
            page.press("input[name=password]", "Enter")
            page.wait_for_url("**/recorders/")
            yield page
        finally:
            browser.close()


def watch(page: Page, camera: str, expected: str) -> Seen:
    """Plays a camera until the path is the expected one, or for as long as it may become so."""
    page.goto(f"/live/?cameras={camera}")
    player = page.locator(PLAYER)
    player.and_(page.locator("[data-state=playing]")).wait_for(timeout=PLAYING_MS)
    deadline = time.monotonic() + SETTLED_MS / 1000
    while player.get_attribute("data-path") != expected and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    _until_it_moves(page)
    first_frame_ms = player.get_attribute("data-first-frame-ms")
    path = str(player.get_attribute("data-path"))
    return Seen(path, int(first_frame_ms or 0), "" if path == expected else _report(page))


# When each frame was shown, in milliseconds.
_LOG_FRAMES = """() => {
  const { video } = document.querySelector('contera-player');
  window.shown = [];
  const look = (now) => { window.shown.push(now); video.requestVideoFrameCallback(look); };
  video.requestVideoFrameCallback(look);
}"""
_GOES_ON = "before => window.shown.length > before + 30"
RESUMED_MS = 60_000


def stood_still_s(page: Page, event: Callable[[], None]) -> float:
    """The longest time without a new frame while something happens to the network."""
    page.evaluate(_LOG_FRAMES)
    page.wait_for_function(_GOES_ON, arg=0)
    event()
    page.wait_for_timeout(2_000)  # frames that were there already
    before = page.evaluate("() => window.shown.length")
    page.wait_for_function(_GOES_ON, arg=before, timeout=RESUMED_MS)
    shown = page.evaluate("() => window.shown")
    return max(after - earlier for earlier, after in pairwise(shown)) / 1000


def _report(page: Page) -> str:
    page.locator("[data-part=path]").click()
    return page.locator("dialog[open]").inner_text()


def _until_it_moves(page: Page) -> None:
    """The picture goes on, on whichever path it is now."""
    now = "document.querySelector('contera-player').video.currentTime"
    before = page.evaluate(f"() => {now}")
    page.wait_for_function(f"before => {now} > before + {STEADY_S}", arg=before)
