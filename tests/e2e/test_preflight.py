"""Preflight with the real programs: from the button to the result."""

from __future__ import annotations

import re

from playwright.sync_api import expect

RESULT_MS = 60_000


def test_everything_passes_at_home(demo, signed_in) -> None:
    """F3: rows from the recorder, and the browser's own half."""
    page = signed_in("admin")
    page.goto(f"/recorders/{demo.facts['recorders'][0]['id']}/preflight/")
    page.get_by_role("button", name="Test now").click()
    result = page.locator("section", has=page.get_by_role("heading", name="From the recorder"))
    expect(result).to_contain_text(re.compile(r"All \d+ tests passed"), timeout=RESULT_MS)
    for title in ("The portal's answer", "Content-Type message/http", "Upload rate", "Clock"):
        expect(result.get_by_text(title)).to_be_visible()
    browser = page.locator("[data-browser-checks]")
    for title in ("Relay (WebSocket)", "STUN and NAT (UDP)", "Playing video"):
        row = browser.locator("li", has_text=title)
        expect(row.locator(".status")).to_have_text("Passed", timeout=RESULT_MS)


def test_who_does_not_configure_has_none(demo, signed_in) -> None:
    page = signed_in("viewer")
    answer = page.goto(f"/recorders/{demo.facts['recorders'][0]['id']}/preflight/")
    assert answer.status == 403
