"""Requests that no honest client sends get an answer, never a server error (on PostgreSQL too)."""

import base64
import json

import pytest
from django.contrib.sessions.models import Session

pytestmark = pytest.mark.django_db

JSON = "application/json"


def cursor(text):
    return base64.b64encode(text).decode()


@pytest.mark.parametrize(
    "address",
    [
        "/users/?q=%00",
        "/recorders/?q=%00",
        "/recorders/part/?q=%00",
        "/incidents/?q=%00",
        "/api/v1/users/?search=%00",
        "/api/v1/recorders/?search=%00",
        f"/api/v1/audit/?cursor={cursor(b'p=abc')}",
        f"/api/v1/audit/?cursor={cursor(b'p=%00')}",
        f"/api/v1/audit/?cursor={cursor(b'p=' + b'9' * 30)}",
        "/accounts/login/?next=http://[",
    ],
)
def test_an_address_that_means_nothing_is_no_server_error(client, owner, address):
    client.force_login(owner)
    assert client.get(address).status_code in (302, 400, 404)


@pytest.mark.parametrize(
    "address",
    [
        "/audit/?until=9999-12-31&since=0001-01-01",
        f"/api/v1/users/?limit={'9' * 32}",
        f"/api/v1/incidents/?limit={'9' * 32}&offset={'9' * 32}",
    ],
)
def test_the_largest_number_and_the_last_day_are_as_good_as_any(client, owner, address):
    client.force_login(owner)
    assert client.get(address).status_code == 200


def test_a_list_has_an_end_whatever_was_asked_for(client, owner, organisation):
    organisation.groups.bulk_create(
        type(organisation.groups.get())(organisation=organisation, name=f"Group {number}")
        for number in range(600)
    )
    client.force_login(owner)
    assert len(client.get("/api/v1/groups/?limit=100000").json()["results"]) == 500


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "anything"])
def test_a_nul_in_a_cookie_is_refused(client, name):
    client.cookies[name] = "abcdefgh\0"
    assert client.get("/recorders/").json()["code"] == "bad_text"


@pytest.mark.parametrize("charset", ["zlib", "rot13", "undefined", "utf-16"])
def test_only_utf_8_is_read(client, owner, charset):
    """`zlib` would unpack a small body into a large one."""
    client.force_login(owner)
    kind = f"{JSON}; charset={charset}"
    assert client.generic("POST", "/api/v1/groups/", b"{}", kind).json()["code"] == "bad_text"


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 50_000, b'{"email": "\\ud800"}', b"\xff", b"NaN", b"9" * 9_000],
    ids=["deep list", "deep object", "half a character", "no UTF-8", "NaN", "long number"],
)
def test_a_body_that_is_not_json_is_named(client, body):
    answer = client.post("/api/v1/token/", body, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_half_a_character_is_not_repeated_in_an_answer(client, owner, recorder):
    client.force_login(owner)
    address = f"/api/v1/recorders/{recorder.pk}/session/"
    body = json.dumps({"path": "\ud800"})
    assert client.post(address, body, content_type=JSON).status_code == 400


def test_a_whole_pair_of_surrogates_is_a_character(client, owner):
    client.force_login(owner)
    answer = client.post("/api/v1/groups/", b'{"name": "\\ud83d\\ude00"}', content_type=JSON)
    assert answer.json()["name"] == "\U0001f600"


def test_following_a_made_up_invitation_leaves_nothing_behind(client):
    assert client.get("/invitation/made-up/").status_code == 404
    assert not Session.objects.exists()
