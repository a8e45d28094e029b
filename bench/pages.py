"""Pages of a running demo in Chromium: signed in, a click timed, latency read from the pixels."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from bench.programs import free_port

ROOT = Path(__file__).resolve().parent.parent
START_S = 150.0  # with the sample scenes, which are drawn when there are none yet
STOP_S = 40.0
SETTLE_MS = 2_500  # playback rates have done their work by then
SAMPLES = 15

# In every page: when the first frame was on the screen, by the wall clock.
WATCH = """
new MutationObserver((_, observer) => {
  const video = document.querySelector('contera-player video');
  if (!video) return;
  observer.disconnect();
  video.requestVideoFrameCallback(() => { window.firstFrameAt = Date.now(); });
}).observe(document, { childList: true, subtree: true });
"""
CLICK = """(link, choice) => {
  link.search += `&${choice}`;
  const at = Date.now();
  link.click();
  return at;
}"""
LATENCIES = """count => new Promise(resolve => {
  const video = document.querySelector('contera-player video');
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const found = [];
  const look = () => {
    const now = Date.now() / 1000;
    const [w, h] = [canvas.width = video.videoWidth, canvas.height = video.videoHeight];
    context.drawImage(video, 0, 0);
    let number = 0;
    for (let bit = 0; bit < 10; bit += 1) {
      const x = Math.round((0.35 + 0.03 * (bit + 0.5)) * w);
      const { data } = context.getImageData(x, Math.round(0.08 * h), 1, 1);
      number = number * 2 + (data[1] > 127 ? 1 : 0);
    }
    found.push((((now - number / 15) % 60) + 60) % 60 * 1000);
    if (found.length < count) video.requestVideoFrameCallback(look);
    else resolve(found);
  };
  video.requestVideoFrameCallback(look);
})"""


def chromium(playwright: Playwright) -> Browser:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)


def visit(page: Page, camera: str, choice: str) -> tuple[float, float, list[float]]:
    """One click with `choice` added to the address (`profile=hd`): ms to the first frame, ms that
    the player itself took, latencies in ms."""
    page.goto("/live/")
    link = page.locator(f'a[href="/live/?cameras={camera}"]')
    clicked = link.evaluate(CLICK, choice)
    page.wait_for_url("**/live/?cameras=*")
    page.wait_for_function("() => window.firstFrameAt")
    first = page.evaluate("() => window.firstFrameAt") - clicked
    page.wait_for_timeout(SETTLE_MS)
    own = page.locator("contera-player").get_attribute("data-first-frame-ms") or "nan"
    return first, float(own), page.evaluate(LATENCIES, SAMPLES)


def sign_in(browser: Browser, facts: dict[str, Any]) -> Page:  # Any: JSON
    context = browser.new_context(
        base_url=facts["portal_url"], viewport={"width": 1440, "height": 900}
    )
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto("/accounts/login/")
    page.fill("input[name=login]", facts["viewer"]["email"])
    page.fill("input[name=password]", facts["viewer"]["password"])
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/recorders/")
    return page


@contextlib.contextmanager
def demo(**settings: str) -> Iterator[dict[str, Any]]:  # Any: JSON
    """A demo of its own, in a folder of its own; the scenes of ./var are borrowed when there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if (ROOT / "var/scenes/version").exists():
            shutil.copytree(ROOT / "var/scenes", folder / "scenes")
        output = folder / "output"
        environment = os.environ | {"CONTERA_DATA": name, "CONTERA_PORT": str(free_port())}
        environment |= settings
        with output.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "demo"], cwd=ROOT, env=environment, stdout=out, stderr=out
            )
        try:
            _until_ready(process, output)
            yield json.loads((folder / "demo.json").read_text())
        finally:
            process.terminate()
            process.wait(STOP_S)


def _until_ready(process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + START_S
    while "Contera is ready" not in output.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(
                f"the demo is not ready: {output.read_text(errors='replace')[-800:]}"
            )
        time.sleep(0.2)
