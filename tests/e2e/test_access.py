"""Access of a group, in a browser: what a tick covers is shown before anything is saved."""

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
