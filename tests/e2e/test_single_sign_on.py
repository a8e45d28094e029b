"""A1: an administrator sets up single sign-on, step by step, and a person signs in through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services import saml as saml_service
from tests.services.oidc import CLIENT, SECRET, OidcProvider, oidc_running
from tests.services.saml import SamlProvider, saml_running


@pytest.fixture
def organisation(demo) -> Iterator[dict[str, str]]:
    """The demo's, with Ada invited; without a provider again afterwards."""
    found = demo.api("GET", "/api/v1/organisations/")["results"][0]
    ada = demo.api(
        "POST", "/api/v1/users/", {"email": "ada@harbour.test", "name": "Ada", "groups": []}
    )
    yield {**found, "entrance": f"{demo.url}/sign-in/{found['handle']}/"}
    demo.api("DELETE", f"/api/v1/users/{ada['id']}/")
    demo.api("DELETE", f"/api/v1/organisations/{found['id']}/sign-on/")


def set_up_oidc(page: Page, provider: OidcProvider) -> None:
    page.get_by_role("link", name="OpenID Connect").click()
    page.get_by_label("Name on the button").fill("Harbour ID")
    page.get_by_label("Issuer").fill(provider.issuer)
    page.get_by_label("Client ID").fill(CLIENT)
    page.get_by_label("Client secret").fill(SECRET)


def set_up_saml(page: Page, provider: SamlProvider) -> None:
    page.get_by_role("link", name="SAML 2.0").click()
    page.get_by_label("Name on the button").fill("Harbour ID")
    page.get_by_label("Address of its metadata").fill(provider.entity_id)


def at_oidc(page: Page) -> None:
    page.locator("input[name=login]").fill("ada")
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()


def at_saml(page: Page) -> None:
    page.locator("input[name=username]").fill("ada")
    page.locator("input[name=password]").fill(saml_service.PASSWORD)
    page.locator("button[type=submit], input[type=submit]").last.click()


@pytest.mark.parametrize(
    ("running", "set_up", "sign_in_there"),
    [(oidc_running, set_up_oidc, at_oidc), (saml_running, set_up_saml, at_saml)],
    ids=["oidc", "saml"],
)
def test_from_nothing_to_a_person_who_is_signed_in(
    organisation,
    signed_in,
    browser: Browser,
    tmp_path,
    running,
    set_up: Callable[..., None],
    sign_in_there: Callable[[Page], None],
) -> None:
    with running(tmp_path, organisation["entrance"]) as provider:
        page = signed_in("admin")
        page.goto("/organisation/sign-on/")
        set_up(page, provider)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="Try it").click()
        sign_in_there(page)
        expect(page.get_by_text("ada@harbour.test")).to_be_visible()
        page.get_by_label("People may sign in with Harbour ID").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("On", exact=True)).to_be_visible()

        ada = browser.new_context().new_page()
        ada.goto(organisation["entrance"])
        ada.get_by_role("link", name="Sign in with Harbour ID").click()
        sign_in_there(ada)
        expect(ada.get_by_role("heading", name="My Recorders")).to_be_visible()
        ada.context.close()
