"""From a click to the first frame on the screen, and how far behind the world the picture is.

The whole demo runs: RTSP cameras, recorder, relay, portal, and Chromium. The browser clicks a
camera in the list of `/live/`. Latency is read from the frame number that is burnt into the
pictures (demo/overlay.py), so it is from the camera's clock to pixels, whatever the player says.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.pages import chromium, demo, sign_in, visit


def run(clicks: int = 12) -> dict[str, Any]:  # Any: figures for bench.report
    """Rows per profile: click to first frame, and latency, in milliseconds."""
    with demo() as facts, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = sign_in(browser, facts)
        cameras = [camera["id"] for camera in facts["recorders"][0]["cameras"]]
        visit(page, cameras[0], "path=relay")  # the scripts are in the cache of whoever came before
        rows = [_row(page, cameras, profile, clicks) for profile in ("hd", "sd")]
        browser.close()
    return {"rows": rows}


def _row(page: Page, cameras: Sequence[str], profile: str, clicks: int) -> dict[str, object]:
    choice = f"profile={profile}&path=relay"
    visits = [visit(page, cameras[i % len(cameras)], choice) for i in range(clicks)]
    latencies = [latency for visit in visits for latency in visit[2]]
    firsts = [visit[0] for visit in visits]
    return {
        "stream": profile.upper(),
        "click_to_first_frame_ms": round(statistics.median(firsts)),
        "slowest_ms": round(max(firsts)),
        "of_it_in_the_player_ms": round(statistics.median(visit[1] for visit in visits)),
        "latency_ms": round(statistics.median(latencies)),
        "latency_95th_ms": round(statistics.quantiles(latencies, n=20)[-1]),
    }


if __name__ == "__main__":
    from bench.report import markdown

    print(markdown(run()))
