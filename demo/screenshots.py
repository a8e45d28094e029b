"""Pictures of the pages for the documents: `make screenshots`.

Signs in to the demo that runs on `$CONTERA_DATA` (`make demo` in another terminal) and writes
`docs/images/*.png`, each page light and dark.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from demo.versions import ROOT

IMAGES = ROOT / "docs/images"
SIZE = (1280, 800)
# For the first picture and a moment more: a page of video is empty without it.
VIDEO_MS = 4000
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def facts() -> dict[str, Any]:  # Any: JSON
    folder = Path(os.environ.get("CONTERA_DATA") or ROOT / "var")
    try:
        found: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    except FileNotFoundError:
        found = {"services": {}}
    if not found["services"]:
        sys.exit(f"contera: no demo runs on {folder}; start one with `make demo`")
    return found


def pages(demo: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and addresses of the pages worth a picture."""
    recorder = demo["recorders"][0]
    cameras = ",".join(camera["id"] for camera in recorder["cameras"][:4])
    yield "recorders", "/recorders/"
    yield "recorder", f"/recorders/{recorder['id']}/"
    yield "network", f"/recorders/{recorder['id']}/network/"
    yield "live", f"/live/?cameras={cameras}&layout=4"
    yield "recorded", f"/recorded/?cameras={recorder['cameras'][0]['id']}"
    yield "incidents", "/incidents/"
    yield "groups", "/groups/"


def sign_in(browser: Browser, demo: dict[str, Any], theme: Literal["light", "dark"]) -> Page:
    context = browser.new_context(
        base_url=demo["portal_url"],
        color_scheme=theme,
        viewport={"width": SIZE[0], "height": SIZE[1]},
    )
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("input[name=login]", demo["admin"]["email"])
    page.fill("input[name=password]", demo["admin"]["password"])
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/recorders/")
    return page


def main() -> None:
    demo = facts()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        for theme in THEMES:
            page = sign_in(browser, demo, theme)
            for name, address in pages(demo):
                page.goto(address)
                page.wait_for_timeout(VIDEO_MS if name in ("live", "recorded") else 300)
                page.screenshot(path=IMAGES / f"{name}-{theme}.png")
                print(f"docs/images/{name}-{theme}.png")
        browser.close()


if __name__ == "__main__":
    main()
