"""How the API behaves everywhere: scopes, limits, idempotency, errors (P1, P3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisLost

from accounts.api import idempotency, limits
from accounts.models import ApiToken, Group, IdempotentAnswer
from tests.conftest import make_recorder

pytestmark = pytest.mark.django_db

JSON = "application/json"
PROBLEM = "application/problem+json"


@pytest.fixture
def program(owner) -> Callable[..., Client]:
    def make(**how) -> Client:
        _, key = ApiToken.issue(owner, "script", timezone.now(), **how)
        return Client(headers={"Authorization": f"Token {key}"}, raise_request_exception=False)

    return make


@pytest.fixture
def api(program) -> Client:
    return program()


# --- Scopes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "address", "status"),
    [
        (["read"], "/api/v1/recorders/", 200),
        (["live"], "/api/v1/recorders/", 403),
        (["read"], "/api/v1/users/", 403),
        (["people"], "/api/v1/users/", 200),
        (["people"], "/api/v1/audit/", 403),
        (["audit"], "/api/v1/audit/", 200),
        (["read"], "/api/v1/me/", 200),
        (["read", "people", "configure"], "/api/v1/tokens/", 403),
        (None, "/api/v1/tokens/", 200),
    ],
)
def test_a_token_does_what_its_scopes_say(program, recorder, scopes, address, status):
    answer = program(scopes=scopes).get(address)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "scope_missing"


def test_a_token_without_live_gets_no_session(program, recorder):
    client = program(scopes=["read", "configure"])
    answer = client.post(f"/api/v1/recorders/{recorder.pk}/session/", {}, content_type=JSON)
    assert answer.json()["code"] == "scope_missing"


def test_a_limited_token_makes_no_other_and_withdraws_only_itself(program, owner):
    client = program(scopes=["read"])
    assert client.post("/api/v1/tokens/", {"name": "x"}, content_type=JSON).status_code == 403
    other, _ = ApiToken.issue(owner, "other", timezone.now())
    assert client.delete(f"/api/v1/tokens/{other.pk}/").status_code == 404
    own = ApiToken.objects.get(name="script")
    assert client.delete(f"/api/v1/tokens/{own.pk}/").status_code == 204


def test_a_token_makes_none_that_lives_longer(program, owner):
    client = program(expires_at=timezone.now() + timedelta(days=10))
    made = client.post("/api/v1/tokens/", {"name": "x", "days": 365}, content_type=JSON).json()
    assert ApiToken.objects.get(pk=made["id"]).expires_at < timezone.now() + timedelta(days=10)


def test_a_token_of_one_organisation_sees_nothing_of_another(
    program, owner, organisation, stranger, recorder
):
    elsewhere = stranger.memberships.get().organisation
    stranger_groups = list(elsewhere.groups.all())
    membership = elsewhere.memberships.create(user=owner)
    membership.groups.set(stranger_groups)
    client = program(organisation=elsewhere)
    assert client.get(f"/api/v1/recorders/{recorder.pk}/").status_code == 404
    (only,) = client.get("/api/v1/me/").json()["organisations"]
    assert only["id"] == str(elsewhere.pk)


# --- Parameters and bodies ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("stat=online", "unknown_parameter"),
        ("state=online&state=offline", "doubled_parameter"),
        ("limit=many", "bad_parameter"),
        ("offset=-1", "bad_parameter"),
        ("format=api", "unknown_parameter"),
        ("_method=DELETE", "unknown_parameter"),
        ("ordering=organisation__secret", "bad_parameter"),
        ("ordering=--name", "bad_parameter"),
    ],
)
def test_parameters_that_mean_nothing_are_named(api, query, code):
    answer = api.get(f"/api/v1/recorders/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert query.partition("=")[0] in answer.json()["detail"]


def test_lists_are_sorted_as_asked(api, organisation, recorder):
    make_recorder(organisation, "barrier", cameras=0)

    def names(order: str) -> list[str]:
        rows = api.get(f"/api/v1/recorders/?ordering={order}").json()["results"]
        return [row["name"] for row in rows]

    assert (names("name"), names("-name")) == (["barrier", "Gate"], ["Gate", "barrier"])


def test_what_a_body_may_not_set_is_named(api, viewer):
    """P1: mass assignment."""
    body = {"name": "V", "is_active": True, "groups": []}
    answer = api.patch(f"/api/v1/users/{viewer.pk}/", body, content_type=JSON)
    assert (answer.status_code, answer.json()["errors"]) == (400, {"is_active": ["Unknown field."]})


def test_a_name_that_is_there_twice_is_refused(api):
    """P3"""
    answer = api.post("/api/v1/groups/", '{"name": "A", "name": "B"}', content_type=JSON)
    assert answer.json()["code"] == "parse_error"
    assert not Group.objects.filter(name__in=["A", "B"]).exists()


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_the_method_cannot_be_overridden(api, name, recorder):
    """P3"""
    address = f"/api/v1/recorders/{recorder.pk}/"
    answer = api.get(address, headers={name: "DELETE"})
    assert (answer.status_code, answer.json()["code"]) == (400, "method_override")


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\x01", "\x7f"])
def test_control_characters_in_headers_are_refused(client, owner, odd):
    """P3: Python takes some of them for spaces."""
    _, key = ApiToken.issue(owner, "script", timezone.now())
    for value in (f"Token{odd}{key}", f"Token {key}{odd}", f"Token {odd}{key}"):
        answer = client.get("/api/v1/me/", headers={"Authorization": value})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_text")


# --- Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/api/", 404),
        ("GET", "/api/v2/recorders/", 404),
        ("GET", "/api/v1/nothing/", 404),
        ("GET", "/api/v1/recorders/not-an-id/", 404),
        ("POST", "/api/v1/me/", 405),
        ("TRACE", "/api/v1/me/", 405),
        ("POST", "/api/v1/groups/", 415),
        ("DELETE", "/api/v1/recorders/", 405),
    ],
)
def test_every_error_is_a_problem(api, method, address, status):
    answer = api.generic(method, address, b"a=b", "application/x-www-form-urlencoded")
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    if status == 405:
        assert answer["Allow"]


def test_no_page_is_made_for_a_program_that_asks_for_nothing(api, client):
    answer = api.get("/api/v1/nothing/")
    assert (answer.status_code, answer.templates) == (404, [])
    assert b"There is nothing here" in client.get("/nothing/").content


def test_a_bug_of_ours_shows_no_traceback(program, monkeypatch):
    from accounts.api import own

    def broken(request):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(own, "_me", broken)
    answer = program().get("/api/v1/me/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert b"secret" not in answer.content


def test_a_missing_csrf_token_is_a_problem(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    answer = client.post("/api/v1/groups/", {"name": "x"}, content_type=JSON)
    assert (answer.status_code, answer["Content-Type"]) == (403, PROBLEM)


def test_options_tells_the_methods_and_nothing_else(api, client, recorder, stranger):
    address = f"/api/v1/recorders/{recorder.pk}/"
    answer = api.options(address)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Allow"] == "GET, PATCH, DELETE, HEAD, OPTIONS"
    assert client.options(address).status_code == 401


def test_head_is_get_without_its_body(api, recorder):
    answer = api.head("/api/v1/recorders/")
    assert (answer.status_code, answer.content) == (200, b"")


# --- Limits ---------------------------------------------------------------------------------------


def test_who_asks_too_often_is_told_when_to_come_again(api, monkeypatch):
    monkeypatch.setattr(limits, "READS", limits.Limit("reads", 3))
    answers = [api.get("/api/v1/me/") for _ in range(5)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert answers[2].status_code == 200
    assert refused.json()["limit"] == {"name": "reads", "requests": 3, "period_s": 60}
    assert 1 <= int(refused["Retry-After"]) <= 61


def test_each_token_has_its_own_limit_and_the_person_one_for_all(program, monkeypatch):
    monkeypatch.setattr(limits, "READS", limits.Limit("reads", 2))
    first, second = program(), program()
    assert {first.get("/api/v1/me/").status_code for _ in range(2)} == {200}
    assert second.get("/api/v1/me/").status_code == 200
    monkeypatch.setattr(limits, "PERSON", limits.Limit("person", 3))
    assert second.get("/api/v1/me/").json()["limit"]["name"] == "person"


def test_trying_tokens_is_slowed_down(client, monkeypatch):
    monkeypatch.setattr(limits, "WRONG_TOKENS", limits.Limit("wrong_tokens", 2))
    tries = [client.get("/api/v1/me/", headers={"Authorization": "Token ctr_x"}) for _ in range(3)]
    assert [answer.status_code for answer in tries] == [401, 401, 429]


def test_without_the_cache_people_go_on_and_strangers_do_not(api, monkeypatch):
    """R10: who watches must be able to renew; who guesses must not be unlimited."""

    def lost(*args):
        raise RedisLost("refused")

    monkeypatch.setattr(limits, "_count", lost)
    assert api.get("/api/v1/me/").status_code == 200
    answer = Client().post("/api/v1/token/", {}, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")


# --- Idempotency ----------------------------------------------------------------------------------


def post_group(client: Client, key: str, name: str = "Guards"):
    headers = {"Idempotency-Key": key}
    return client.post("/api/v1/groups/", {"name": name}, content_type=JSON, headers=headers)


def test_the_same_request_sent_again_has_one_effect(api):
    first, second = post_group(api, "k1"), post_group(api, "k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (first.get("Idempotent-Replayed"), second["Idempotent-Replayed"]) == (None, "true")
    assert Group.objects.filter(name="Guards").count() == 1


def test_a_refusal_is_answered_again_too(api):
    post_group(api, "k1")
    first, second = post_group(api, "k2"), post_group(api, "k2")
    assert first.json() == second.json()
    assert (second.status_code, second["Content-Type"]) == (409, PROBLEM)


def test_a_key_is_for_one_request(api, program):
    post_group(api, "k1")
    assert post_group(api, "k1", "Others").json()["code"] == "idempotency_key_reused"
    assert post_group(program(), "k1").status_code == 422  # another token may be allowed less


def test_the_first_is_waited_for(api, owner):
    post_group(api, "k1")
    row = IdempotentAnswer.objects.filter(user=owner)
    row.update(status=None)
    assert post_group(api, "k1").json()["code"] == "idempotency_in_progress"
    row.update(created_at=timezone.now() - timedelta(minutes=5))
    assert post_group(api, "k1").json()["code"] == "idempotency_unknown"


def test_after_a_day_the_key_is_free_again(api):
    post_group(api, "k1")
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post_group(api, "k1", "Others").status_code == 201
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert idempotency.forget(timezone.now()) == 1


def test_a_new_token_is_not_kept_in_clear(api):
    headers = {"Idempotency-Key": "k1"}
    answers = [
        api.post("/api/v1/tokens/", {"name": "x"}, content_type=JSON, headers=headers)
        for _ in range(2)
    ]
    key = answers[0].json()["token"]
    assert answers[1].json()["token"] == key
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM accounts_idempotentanswer")
        assert key not in str(cursor.fetchall())


def test_a_bug_gives_the_key_free(program, monkeypatch):
    from accounts import services

    client = program()
    with monkeypatch.context() as patch:
        patch.setattr(services, "create_group", lambda *_: 1 / 0)
        assert post_group(client, "k1").status_code == 500
    assert post_group(client, "k1").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "ä"])
def test_a_key_that_is_none_is_refused(api, key):
    assert post_group(api, key).json()["code"] in ("bad_idempotency_key", "bad_text")


# --- What pages do, programs can do ---------------------------------------------------------------


def test_an_invitation_is_sent_again_until_it_is_taken_up(api, organisation, viewer):
    made = api.post("/api/v1/users/", {"email": "b@c.test", "name": "B"}, content_type=JSON).json()
    assert api.post(f"/api/v1/users/{made['id']}/invitation/").status_code == 202
    answer = api.post(f"/api/v1/users/{viewer.pk}/invitation/")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_a_registration_code_is_listed_and_withdrawn(api, organisation):
    made = api.post("/api/v1/registration-codes/", {"name": "Gate"}, content_type=JSON).json()
    (listed,) = api.get("/api/v1/registration-codes/").json()
    assert (listed["id"], "code" in listed) == (made["id"], False)
    address = f"/api/v1/registration-codes/{made['id']}/"
    assert (api.delete(address).status_code, api.get(address).status_code) == (204, 404)


def test_the_whitelist_comes_in_three_forms(api, recorder):
    address = f"/api/v1/recorders/{recorder.pk}/whitelist"
    rows = api.get(f"{address}/").json()["rows"]
    for kind in ("txt", "csv"):
        text = api.get(f"{address}.{kind}").content.decode()
        assert all(row["host"] in text for row in rows if row["is_required"])
