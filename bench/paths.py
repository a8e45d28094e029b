"""Every path beside the relay, in one run: first frame, latency, CPU, and the hand-over.

The whole demo runs, and a port is forwarded to the recorder, so that each path can be forced in
turn. "auto" starts on the relay and moves; what is lost there is counted from the
frame numbers burnt into the pictures.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.pages import chromium, demo, sign_in, visit
from bench.processes import cpu_s, family
from bench.programs import Program, free_port, started, wait_for_port

PATHS = ("relay", "manual_nat", "lan", "p2p")
VISITS = 8
CPU_SECONDS = 10.0
MOVE_MS = 15_000
NEAR_MS = 1_500

# Decode times (90 kHz) as they enter the browser: what the hand-over lost or brought twice.
LOG_APPENDED = """
window.appended = [];
const append = SourceBuffer.prototype.appendBuffer;
SourceBuffer.prototype.appendBuffer = function (segments) {
  const view = new DataView(segments.buffer, segments.byteOffset, segments.byteLength);
  for (let at = 0; at + 16 < view.byteLength; at += 1) {
    if (view.getUint32(at) !== 0x74666474) continue; // tfdt
    window.appended.push(Number(view.getBigUint64(at + 8)));
    at += 16;
  }
  return append.call(this, segments);
};
"""
# Every frame that is shown: when, and on which path the player is.
LOG_SHOWN = """() => {
  const player = document.querySelector('contera-player');
  window.shown = [];
  const look = (now) => {
    window.shown.push([now, player.dataset.path]);
    player.video.requestVideoFrameCallback(look);
  };
  player.video.requestVideoFrameCallback(look);
}"""
FRAME_TICKS = 6_000  # 15 frames a second


def run() -> dict[str, Any]:  # Any: figures for bench.report
    """A row per path, then the moves from the relay to the best path."""
    with (
        demo(CONTERA_MANUAL_NAT_PRIVATE="1") as facts,
        _forwarded(facts) as router,
        sync_playwright() as playwright,
    ):
        browser = chromium(playwright)
        page = sign_in(browser, facts)
        _set_manual_nat(page, facts, router.port)
        cameras = [camera["id"] for camera in facts["recorders"][0]["cameras"]]
        visit(page, cameras[0], "path=relay")  # the scripts are in the cache of whoever came before
        rows = [_row(page, facts, cameras, path) for path in PATHS]
        moves = _moves(browser, facts, cameras)
        deaths = [_watch_death(browser, facts, camera, router) for camera in cameras]
        browser.close()
    return {"rows": rows, "auto": moves, "when_a_line_dies_silently": _deaths(deaths)}


@contextlib.contextmanager
def _forwarded(facts: dict[str, Any]) -> Iterator[Program]:  # Any: JSON
    """The recorder's own port, forwarded as a router would."""
    inside = facts["recorders"][0]["local_url"].rstrip("/").rpartition(":")[2]
    port = free_port()
    command = [sys.executable, "-m", "bench.forwarder", str(port), inside]
    with started(command, port) as program:
        wait_for_port(port)
        yield program


def _set_manual_nat(page: Page, facts: dict[str, Any], port: int) -> None:  # Any: JSON
    recorder = facts["recorders"][0]
    path = f"/api/v1/recorders/{recorder['id']}/network/"
    headers = {"Authorization": f"Token {facts['api_token']}"}
    wanted = page.request.get(path, headers=headers).json()
    address = {"enabled": True, "address": _own_address(), "port": port, "https": False}
    answer = page.request.put(path, data={**wanted, "manual_nat": address}, headers=headers)
    if not answer.ok:
        raise RuntimeError(f"Manual NAT cannot be set: {answer.text()[:300]}")


def _own_address() -> str:
    """This machine's address on its network (nothing is sent)."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.1", 9))
        return str(sock.getsockname()[0])


def _row(
    page: Page, facts: dict[str, Any], cameras: Sequence[str], path: str
) -> dict[str, object]:  # Any: JSON
    choice = f"profile=hd&path={path}"
    visits = [visit(page, cameras[i % len(cameras)], choice) for i in range(VISITS)]
    carried = page.locator("contera-player").get_attribute("data-path")
    if carried != path:
        raise RuntimeError(f"{path} was forced, but the video came by {carried}")
    latencies = [latency for one in visits for latency in one[2]]
    recorder, browser = _cpu(facts["services"]["recorder"])
    return {
        "path": path,
        "click_to_first_frame_ms": round(statistics.median(one[0] for one in visits)),
        "latency_ms": round(statistics.median(latencies)),
        "latency_95th_ms": round(statistics.quantiles(latencies, n=20)[-1]),
        "recorder_cpu_%": recorder,
        "browser_cpu_%": browser,
    }


def _cpu(recorder: int) -> tuple[float, float]:
    """Per cent of one core while one HD stream is watched: the recorder, all of the browser."""
    groups = [recorder], family("chromium")
    before = [cpu_s(group) for group in groups]
    time.sleep(CPU_SECONDS)
    used = [cpu_s(group) - was for group, was in zip(groups, before, strict=True)]
    return round(used[0] / CPU_SECONDS * 100, 1), round(used[1] / CPU_SECONDS * 100, 1)


def _moves(
    browser: Browser, facts: dict[str, Any], cameras: Sequence[str]
) -> dict[str, object]:  # Any: JSON
    """First frame while racing, and what the hand-over costs; a fresh page each time."""
    seen = [_watch_move(browser, facts, cameras[i % len(cameras)]) for i in range(VISITS)]
    steps = [after - before for move in seen for before, after in pairwise(move.appended)]
    return {
        "first_frame_ms": round(statistics.median(move.first_ms for move in seen)),
        "moved_after_ms": round(statistics.median(move.moved_ms for move in seen)),
        "longest_time_without_a_new_frame_ms": round(max(move.gap_ms for move in seen)),
        "frames_lost": sum(round(step / FRAME_TICKS) - 1 for step in steps if step > 0),
        "frames_repeated": sum(step <= 0 for step in steps),
        "moves": len(seen),
    }


@dataclass(frozen=True)
class _Move:
    """Milliseconds in the player to the first frame, from it to the move, and the longest time
    between two shown frames around it; decode times as they came."""

    first_ms: float
    moved_ms: float
    gap_ms: float
    appended: list[int]


def _watch_move(browser: Browser, facts: dict[str, Any], camera: str) -> _Move:  # Any: JSON
    page = sign_in(browser, facts)
    page.add_init_script(LOG_APPENDED)
    page.goto(f"/live/?cameras={camera}&profile=hd")
    page.wait_for_function("() => document.querySelector('contera-player')?.video")
    page.evaluate(LOG_SHOWN)
    page.wait_for_function(
        "() => (document.querySelector('contera-player').dataset.path ?? 'relay') !== 'relay'",
        timeout=MOVE_MS,
    )
    page.wait_for_timeout(2_000)
    shown = page.evaluate("() => window.shown")
    start = shown[0][0]
    moved = next((at for at, path in shown if path != "relay"), start)
    near = [at for at, _ in shown if abs(at - moved) < NEAR_MS]
    own = page.locator("contera-player").get_attribute("data-first-frame-ms") or "nan"
    gap = max((after - before for before, after in pairwise(near)), default=0.0)
    move = _Move(float(own), moved - start, gap, page.evaluate("() => window.appended"))
    page.context.close()
    return move


def _watch_death(
    browser: Browser, facts: dict[str, Any], camera: str, router: Program
) -> _Move:  # Any: JSON
    """The forwarded port goes silent while video comes by it; nobody closes a connection."""
    page = sign_in(browser, facts)
    page.add_init_script(LOG_APPENDED)
    page.goto(f"/live/?cameras={camera}&profile=hd")
    page.wait_for_selector("contera-player[data-path=manual_nat]", timeout=MOVE_MS)
    page.wait_for_timeout(2_000)
    page.evaluate(LOG_SHOWN)
    router.process.send_signal(signal.SIGSTOP)
    try:
        page.wait_for_selector("contera-player:not([data-path=manual_nat])", timeout=MOVE_MS)
        page.wait_for_timeout(2_000)
    finally:
        router.process.send_signal(signal.SIGCONT)
    shown = [at for at, _ in page.evaluate("() => window.shown")]
    gap = max(after - before for before, after in pairwise(shown))
    move = _Move(0, 0, gap, page.evaluate("() => window.appended"))
    page.context.close()
    return move


def _deaths(seen: Sequence[_Move]) -> dict[str, object]:
    steps = [after - before for move in seen for before, after in pairwise(move.appended)]
    return {
        "picture_stood_still_ms": round(statistics.median(move.gap_ms for move in seen)),
        "longest_ms": round(max(move.gap_ms for move in seen)),
        "frames_lost": sum(round(step / FRAME_TICKS) - 1 for step in steps if step > 0),
        "frames_repeated": sum(step <= 0 for step in steps),
        "deaths": len(seen),
    }


if __name__ == "__main__":
    from bench.report import markdown

    print(markdown(run()))
