"""Tokens, people, groups and the audit trail over the API."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts import services
from accounts.audit import PORTAL
from accounts.models import ApiToken, AuditEntry
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

JSON = "application/json"


def sign_in(client: Client, email: str, password: str = PASSWORD):
    fields = {"email": email, "password": password, "name": "script"}
    return client.post("/api/v1/token/", fields, content_type=JSON)


@pytest.fixture
def api(owner) -> Client:
    """The owner's program."""
    _, key = ApiToken.issue(owner, "script", owner.date_joined)
    return Client(headers={"Authorization": f"Token {key}"})


def test_an_invitation_is_sent_again_a_few_times_and_each_is_in_the_trail(owner, organisation):
    """B1: nobody fills a stranger's mailbox."""
    invited = services.add_person(organisation, "new@example.test", "New", [], PORTAL)
    program = Client()
    program.force_login(owner)
    address = f"/api/v1/users/{invited.user_id}/invitation/"
    answers = [program.post(address).status_code for _ in range(6)]
    assert answers == [202] * 5 + [409]
    assert AuditEntry.objects.filter(action="person.invited_again").count() == 5


def test_a_program_signs_in_for_a_token(client, viewer):
    answer = sign_in(client, viewer.email.upper())
    assert answer.status_code == 201
    headers = {"Authorization": f"Token {answer.json()['token']}"}
    me = client.get("/api/v1/me/", headers=headers).json()
    assert me["email"] == viewer.email
    assert me["organisations"][0]["is_administrator"] is False
    assert "api_token.created" in set(AuditEntry.objects.values_list("action", flat=True))


def test_wrong_and_unknown_and_disabled_get_the_same_answer(client, viewer, owner):
    """A7"""
    services.disable_person(viewer.memberships.get(), PORTAL)
    answers = [
        sign_in(client, owner.email, "wrong"),
        sign_in(client, "nobody@x.test"),
        sign_in(client, viewer.email),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_tries_are_counted_together_with_the_sign_in_page(client, viewer):
    """A7"""
    for _ in range(3):
        sign_in(client, viewer.email, "wrong")
        client.post("/accounts/login/", {"login": viewer.email, "password": "wrong"})
    answer = sign_in(client, viewer.email)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")


def test_a_token_is_withdrawn_at_once(api, owner):
    token = api.get("/api/v1/tokens/").json()[0]
    assert "token" not in token
    assert api.delete(f"/api/v1/tokens/{token['id']}/").status_code == 204
    assert api.get("/api/v1/tokens/").status_code == 401


def test_people_are_added_changed_and_removed(api, viewers):
    fields = {"email": "n@x.test", "name": "Nia", "groups": [str(viewers.pk)]}
    added = api.post("/api/v1/users/", fields, content_type=JSON).json()
    assert (added["state"], added["groups"]) == ("invited", [str(viewers.pk)])
    address = f"/api/v1/users/{added['id']}/"
    changed = api.patch(address, {"name": "Nia Roe", "groups": []}, content_type=JSON).json()
    assert (changed["name"], changed["groups"]) == ("Nia Roe", [])
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_what_the_rules_refuse_is_a_409_with_its_code(api, owner):
    answer = api.patch(f"/api/v1/users/{owner.pk}/", {"groups": []}, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")


@pytest.mark.parametrize("field", ["is_active", "password", "email", "is_administrator"])
def test_fields_nobody_may_set_are_ignored(api, viewer, field):
    """P1: mass assignment."""
    before = dict(viewer.__dict__)
    api.patch(f"/api/v1/users/{viewer.pk}/", {field: "x"}, content_type=JSON)
    viewer.refresh_from_db()
    assert getattr(viewer, field, None) == before.get(field)


def test_groups_and_their_grants(api, viewer, recorder):
    group = api.post("/api/v1/groups/", {"name": "Guards"}, content_type=JSON).json()
    address = f"/api/v1/groups/{group['id']}/"
    changed = api.patch(address, {"users": [str(viewer.pk)]}, content_type=JSON).json()
    assert changed["users"] == [str(viewer.pk)]
    wanted = {"rights": ["live"], "recorder": str(recorder.pk), "clients": ["vms"]}
    answer = api.put(address + "grants/", {"grants": [wanted]}, content_type=JSON)
    assert wanted.items() <= answer.json()["grants"][0].items()
    assert api.get(address + "grants/").json() == answer.json()


def test_a_group_of_another_organisation_is_unknown(api, viewer, stranger):
    foreign = stranger.memberships.get().organisation.groups.get()
    answer = api.patch(
        f"/api/v1/users/{viewer.pk}/", {"groups": [str(foreign.pk)]}, content_type=JSON
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown")


def test_who_administers_several_organisations_names_one(api, owner, viewer, stranger):
    elsewhere = stranger.memberships.get().organisation
    joined = services.add_person(elsewhere, owner.email, "O", list(elsewhere.groups.all()), PORTAL)
    services.accept_invitation(joined, PORTAL)
    answer = api.post("/api/v1/groups/", {"name": "Guards"}, content_type=JSON)
    assert answer.json()["code"] == "which_organisation"
    named = {"name": "Guards", "organisation": str(elsewhere.pk)}
    assert api.post("/api/v1/groups/", named, content_type=JSON).status_code == 201
    assert api.get(f"/api/v1/users/{owner.pk}/").json()["code"] == "which_organisation"
    assert api.get(f"/api/v1/users/{viewer.pk}/").status_code == 200


def test_the_audit_trail_is_filtered_and_paged(api, viewer):
    client = Client()
    sign_in(client, viewer.email)
    found = api.get("/api/v1/audit/", {"action": "api_token.created", "who": "viewer"}).json()
    assert [entry["actor_name"] for entry in found["results"]] == [viewer.email]
    assert api.get("/api/v1/audit/", {"since": "yesterday"}).status_code == 400


def test_lists_take_the_same_queries_for_many(
    api, organisation, viewers, django_assert_max_num_queries, django_assert_num_queries
):
    for address in ("/api/v1/users/", "/api/v1/groups/", "/api/v1/audit/"):
        api.get(address)
        with django_assert_max_num_queries(8) as few:
            api.get(address)
        for n in range(5):
            email = f"p{n}@{address.split('/')[3]}.test"
            services.add_person(organisation, email, "P", [viewers], PORTAL)
            services.create_group(organisation, f"G{n} {address}", PORTAL)
        with django_assert_num_queries(len(few)):
            api.get(address)
