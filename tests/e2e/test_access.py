"""Access of a group, in a browser: what a tick covers is shown before anything is saved; why
somebody sees something; looking at the portal as somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect


@pytest.fixture
def matrix(demo, signed_in) -> Iterator[Page]:
    """The page of a group of this test's own, without any right."""
    group = demo.api("POST", "/api/v1/groups/", {"name": "Guards"})
    address = f"/api/v1/groups/{group['id']}/"
    page = signed_in("admin")
    page.goto(f"/groups/{group['id']}/access/")
    yield page
    demo.api("DELETE", address)


def box(page: Page, level: str) -> Locator:
    return page.locator(f'input[data-right="live"][data-level="{level}"]').first


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It holds at once")).to_be_visible()


def test_a_broader_tick_locks_what_it_covers_and_gives_it_back(matrix) -> None:
    box(matrix, "camera").check()
    box(matrix, "everything").check()
    for level in ("recorder", "camera"):
        expect(box(matrix, level)).to_be_checked()
        expect(box(matrix, level)).to_be_disabled()
    box(matrix, "everything").uncheck()
    expect(box(matrix, "recorder")).not_to_be_checked()
    expect(box(matrix, "camera")).to_be_checked()
    expect(box(matrix, "camera")).to_be_enabled()


def test_the_keyboard_is_enough(matrix) -> None:
    box(matrix, "everything").focus()
    matrix.keyboard.press("Space")
    save(matrix)
    expect(box(matrix, "everything")).to_be_checked()
    expect(box(matrix, "camera")).to_be_disabled()


def test_it_fits_on_a_small_screen(matrix) -> None:
    matrix.set_viewport_size({"width": 360, "height": 740})
    assert matrix.evaluate("document.documentElement.scrollWidth") <= 360
    box(matrix, "everything").check()
    save(matrix)


def test_hours_are_filled_in_with_the_keyboard(matrix) -> None:
    """And what was filled in is told as a sentence."""
    matrix.get_by_role("link", name="Limited", exact=True).click()
    matrix.get_by_role("link", name="Give limited access").click()
    matrix.get_by_role("link", name="Everything", exact=True).click()
    matrix.get_by_label("Live", exact=True).check()
    monday = matrix.get_by_label("Mon", exact=True)
    monday.focus()
    for _ in range(5):
        matrix.keyboard.press("Space")
        matrix.keyboard.press("Tab")
    matrix.locator('input[name="hours-0-start"]').fill("08:00")
    matrix.locator('input[name="hours-0-end"]').fill("18:00")
    matrix.get_by_role("button", name="Give access").click()
    expect(matrix.get_by_text("Mon\N{EN DASH}Fri 08:00\N{EN DASH}18:00")).to_be_visible()


def test_an_administrator_sees_why_and_looks_as_the_person(demo, signed_in) -> None:
    page = signed_in("admin")
    page.goto(f"/recorders/{demo.facts['recorders'][0]['id']}/")
    page.get_by_role("link", name="Who may see").first.click()
    page.get_by_role("searchbox").fill(demo.account("viewer").email)
    page.keyboard.press("Enter")
    page.locator(".list a").first.click()
    live = page.locator(".why", has=page.get_by_role("heading", name="Live"))
    expect(live.get_by_text("Yes")).to_be_visible()
    page.locator(".crumbs a").nth(1).click()
    page.get_by_role("button", name="View as").click()
    expect(page.get_by_text("Nothing can be changed.")).to_be_visible()
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.get_by_text("Nothing can be changed.")).to_have_count(0)
    expect(page.get_by_role("button", name="View as")).to_be_visible()
