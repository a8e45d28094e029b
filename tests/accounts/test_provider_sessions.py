"""A1, A8: an identity provider speaks for its organisation alone, never for the whole account."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, Federation, IdentityProvider, Membership, Organisation
from tests.conftest import PASSWORD

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def elsewhere(viewer: User) -> Organisation:
    """A second organisation of the viewer, which has the identity provider."""
    made = Organisation.objects.create(name="Elsewhere", handle="elsewhere")
    Membership.objects.create(user=viewer, organisation=made)
    return made


@pytest.fixture
def vouched(viewer: User, elsewhere: Organisation) -> Client:
    """A browser in which the provider of `elsewhere` signed the viewer in."""
    provider = IdentityProvider.objects.create(
        organisation=elsewhere, kind="oidc", name="ID", is_enabled=True
    )
    membership = Membership.objects.get(user=viewer, organisation=elsewhere)
    federation = Federation.objects.create(provider=provider, subject="1", membership=membership)
    browser = Client()
    browser.force_login(viewer)
    session = browser.session
    session["sign_on"] = {
        "federation": federation.pk,
        "is_strong": False,
        "until": time.time() + 3600,
    }
    session.save()
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


def test_its_sessions_make_tokens_for_its_organisation_alone(
    vouched: Client, elsewhere: Organisation, organisation: Organisation
) -> None:
    """A token without an organisation would be one for all of them."""
    made = vouched.post("/api/v1/tokens/", {"name": "x"}, content_type="application/json")
    assert made.status_code == 201
    assert ApiToken.objects.get().organisation == elsewhere
    wanted = {"name": "x", "organisation": str(organisation.pk)}
    vouched.post("/api/v1/tokens/", wanted, content_type="application/json")
    assert {token.organisation for token in ApiToken.objects.all()} == {elsewhere}


def test_its_sessions_see_and_withdraw_no_other_tokens(
    vouched: Client, viewer: User, elsewhere: Organisation
) -> None:
    whole, _ = ApiToken.issue(viewer, "whole", timezone.now())
    bound, _ = ApiToken.issue(viewer, "bound", timezone.now(), organisation=elsewhere)
    seen = vouched.get("/api/v1/tokens/").json()
    assert [token["name"] for token in seen] == ["bound"]
    assert "whole" not in vouched.get("/account/").content.decode()
    for address in (
        f"/account/tokens/{whole.pk}/withdraw/",
        f"/account/tokens/{bound.pk}/withdraw/",
    ):
        vouched.post(address)
    assert list(ApiToken.objects.all()) == [whole]


def test_its_sessions_see_and_end_no_other_sessions(vouched: Client, viewer: User) -> None:
    other = Client(REMOTE_ADDR="198.51.100.7")
    other.post("/accounts/login/", {"login": viewer.login, "password": PASSWORD})
    theirs = UserSession.objects.get(session_key=other.session.session_key)
    assert "198.51.100.7" not in vouched.get("/account/sessions/").content.decode()
    assert "198.51.100.7" not in vouched.get("/api/v1/me/sessions/").content.decode()
    assert vouched.post(f"/account/sessions/{theirs.pk}/end/").status_code == 404
    assert vouched.delete(f"/api/v1/me/sessions/{theirs.pk}/").status_code == 404
    vouched.post("/account/sessions/end/")
    assert other.get("/recorders/").status_code == 200
