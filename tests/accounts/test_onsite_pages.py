"""Pages about signing in at recorders while the portal is away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from accounts import onsite
from accounts.models import OnsiteSecret
from tests.conftest import PASSWORD

if TYPE_CHECKING:
    from accounts.models import Organisation, User
    from recorders.models import Recorder

pytestmark = pytest.mark.django_db
HOURS = "/organisation/onsite/"
CODE = "/account/onsite/"


def signed_in(client: Client, user: User) -> Client:
    client.post("/accounts/login/", {"login": user.login, "password": PASSWORD})
    return client


def test_an_administrator_sets_the_hours(
    client: Client, owner: User, organisation: Organisation
) -> None:
    client.force_login(owner)
    assert "until" in client.get(HOURS).content.decode()
    assert client.post(HOURS, {"hours": "0"}).status_code == 302
    organisation.refresh_from_db()
    assert organisation.onsite_hours == 0
    assert "keep no list" in client.get(HOURS).content.decode()
    for wrong in ("-1", "169", "many"):
        assert client.post(HOURS, {"hours": wrong}).status_code == 200
    organisation.refresh_from_db()
    assert organisation.onsite_hours == 0


@pytest.mark.parametrize("person", ["viewer", "stranger"])
def test_others_do_not_change_the_hours_here(
    client: Client, organisation: Organisation, person: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    client.post(HOURS, {"hours": "3"})
    organisation.refresh_from_db()
    assert organisation.onsite_hours == 24


def test_a_code_is_shown_once_and_withdrawn(client: Client, viewer: User) -> None:
    browser = signed_in(client, viewer)
    page = browser.post(f"{CODE}new/").content.decode()
    code = re.search(r'id="onsite-code">([a-z0-9-]{19})<', page)
    assert code is not None
    assert code[1] not in browser.get(CODE).content.decode()
    assert OnsiteSecret.objects.get().origin == "code"
    browser.post(f"{CODE}withdraw/")
    assert not OnsiteSecret.objects.exists()


def test_a_code_asks_for_a_fresh_sign_in(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    answer = client.post(f"{CODE}new/")
    assert "reauthenticate" in answer["Location"]
    assert not OnsiteSecret.objects.exists()


def test_the_recorders_page_says_who_could_sign_in_there(
    client: Client, owner: User, viewer: User, recorder: Recorder
) -> None:
    for user in (owner, viewer):
        onsite.password_seen(user, PASSWORD)
    client.force_login(owner)
    assert "2 people can sign in here until" in _page(client, recorder)
    client.force_login(viewer)
    assert "can sign in here" not in _page(client, recorder)


def _page(client: Client, recorder: Recorder) -> str:
    return client.get(f"/recorders/{recorder.pk}/").content.decode()
