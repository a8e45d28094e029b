"""Where an organisation wants its people to come through its provider, a right password leads
there; a wrong one tells nothing."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator

from accounts.models import IdentityProvider, Membership
from accounts.single_sign_on.forced import provider_to_use
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

WORDS = "You are signed in another way, which does not count there."


@pytest.fixture
def provider(organisation) -> IdentityProvider:
    organisation.handle = "harbour"
    organisation.save()
    settings = {"issuer": "https://id.test", "tried": "2026-01-01"}
    return IdentityProvider.objects.create(
        organisation=organisation,
        kind="oidc",
        name="Harbour ID",
        is_enabled=True,
        is_forced=True,
        settings=settings,
    )


def sign_in(client, login, password=PASSWORD, **query):
    body = {"login": login, "password": password, **query}
    return client.post("/accounts/login/", body, follow=True)


def test_who_types_the_right_password_is_led_to_the_provider(client, viewer, provider):
    page = sign_in(client, viewer.login, next="/live/")
    assert page.redirect_chain[-1][0] == "/sign-in/harbour/?next=%2Flive%2F"
    text = page.content.decode()
    assert WORDS in text
    assert 'href="/sign-in/harbour/start/?next=/live/"' in text
    assert text.count("is-primary") == 2  # one on the page, besides the link that skips to it


def test_a_wrong_password_tells_nobody_where_somebody_belongs(client, viewer, provider):
    """A7"""
    found = [
        sign_in(client, login, "a wrong password").content.decode()
        for login in (viewer.login, "nobody@harbour.test")
    ]
    for text in found:
        assert "The name and the password do not match." in text
        assert "Harbour" not in text


def test_who_connects_their_account_goes_on(client, viewer, provider):
    page = client.post(
        "/accounts/login/",
        {"login": viewer.login, "password": PASSWORD, "next": "/sign-in/harbour/connect/"},
    )
    assert page["Location"] == "/sign-in/harbour/connect/"


def test_administrators_keep_their_own_way_in_by_a_second_factor(owner, viewer, provider):
    Authenticator.objects.create(user=owner, type="totp", data={"secret": "x"})
    assert provider_to_use(owner, is_strong=True) is None
    assert provider_to_use(owner, is_strong=False) == provider
    assert provider_to_use(viewer, is_strong=True) == provider


def test_who_belongs_elsewhere_too_goes_there(viewer, stranger, provider):
    elsewhere = stranger.memberships.get().organisation
    other = Membership.objects.create(user=viewer, organisation=elsewhere, state="active")
    assert provider_to_use(viewer, is_strong=False) is None
    other.state = Membership.State.DISABLED
    other.save()
    assert provider_to_use(viewer, is_strong=False) == provider
    provider.is_forced = False
    provider.save()
    assert provider_to_use(viewer, is_strong=False) is None


def test_nobody_who_belongs_somewhere_is_asked_again(client, owner, viewer, provider):
    provider.is_forced = False
    provider.save()
    client.force_login(viewer)
    assert client.get("/sign-in/harbour/").status_code == 302


def test_only_whom_the_provider_waits_for_is_told_so(client, viewer, stranger, provider):
    """However they signed in: nobody else is told that they would belong there."""
    stranger.memberships.update(state=Membership.State.DISABLED)
    client.force_login(stranger)
    assert client.get("/sign-in/harbour/").status_code == 302
    client.force_login(viewer)
    assert WORDS in client.get("/sign-in/harbour/").content.decode()


def test_who_is_waited_for_twice_may_come_either_way(client, viewer, stranger, provider):
    elsewhere = stranger.memberships.get().organisation
    Membership.objects.create(user=viewer, organisation=elsewhere, state="active")
    IdentityProvider.objects.create(
        organisation=elsewhere, kind="oidc", name="Other ID", is_enabled=True, is_forced=True
    )
    client.force_login(viewer)
    for handle in ("harbour", elsewhere.handle):
        assert WORDS in client.get(f"/sign-in/{handle}/").content.decode()
