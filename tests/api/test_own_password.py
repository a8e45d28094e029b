"""A new password over the API: for who knows the old one, with what ends then (A6, A7, A8)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, AuditEntry
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/me/password/"
NEW = "violet anchors sleep"


@pytest.fixture
def api(viewer) -> Client:
    _, key = ApiToken.issue(viewer, "script", timezone.now())
    return Client(headers={"Authorization": f"Token {key}"})


def put(client: Client, current: str = PASSWORD, new: str = NEW, **more):
    body = {"current_password": current, "new_password": new, **more}
    return client.put(ADDRESS, body, content_type="application/json")


def test_it_ends_every_token_and_session_unless_they_are_kept(api, viewer, client):
    client.force_login(viewer)
    assert put(api, keep_tokens=True).status_code == 204
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert api.get("/api/v1/me/").status_code == 200
    assert client.get("/api/v1/me/").status_code == 401
    assert put(api, NEW, "eleven copper lamps").status_code == 204
    assert api.get("/api/v1/me/").status_code == 401
    assert AuditEntry.objects.filter(action="person.password_changed").count() == 2


def test_it_keeps_the_session_that_it_was_done_in(viewer):
    client = Client()
    client.force_login(viewer)
    assert put(client).status_code == 204
    assert client.get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("wrong", NEW, "current_password"), (PASSWORD, "short", "new_password")],
)
def test_what_is_wrong_is_named(api, viewer, current, new, field):
    answer = put(api, current, new)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)


def test_guessing_the_old_one_is_slowed_down(api):
    codes = {put(api, f"guess {number}").status_code for number in range(20)}
    assert codes == {400, 429}


def test_a_token_with_scopes_cannot(viewer):
    _, key = ApiToken.issue(viewer, "reader", timezone.now(), scopes=["read"])
    assert put(Client(headers={"Authorization": f"Token {key}"})).status_code == 403


def test_an_account_without_a_password_gets_none(api, viewer):
    viewer.set_unusable_password()
    viewer.save()
    assert put(api).json()["code"] == "no_password"
