"""Passkeys in a real browser, with a virtual authenticator (Chromium's WebAuthn domain): added,
used alone, and as the second step after the password."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Page, expect

OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def page(demo, signed_in) -> Iterator[Page]:
    """The viewer's; what was added is removed at the end, for the other tests sign in without."""
    page = signed_in("viewer")
    yield page
    page.goto("/account/security/")
    if page.get_by_role("link", name="Remove Phone").count():
        page.get_by_role("link", name="Remove Phone").click()
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("The passkey is removed")).to_be_visible()


@pytest.fixture
def authenticator(page: Page) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})
    return session


def _sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    page.goto("/accounts/login/")


def test_a_passkey_is_added_signs_in_alone_and_after_the_password(
    demo, page, authenticator
) -> None:
    page.goto("/account/security/passkeys/add/")
    page.get_by_label("Name").fill("Phone")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()

    _sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/recorders/")

    _sign_out(page)
    account = demo.account("viewer")
    page.get_by_label("E-mail address or user name").fill(account.email)
    page.locator("input[type=password]").fill(account.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/recorders/")
