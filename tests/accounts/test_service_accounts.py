"""Services: accounts of programs, with tokens and groups, without a password."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import services
from accounts.api_tokens import NewToken, issue_api_token
from accounts.audit import PORTAL
from accounts.errors import NotPossible
from accounts.models import AuditEntry, Membership, User
from accounts.service_accounts import add_service, remove_service
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

JSON = "application/json"


@pytest.fixture
def service(organisation, viewers) -> Membership:
    return add_service(organisation, "Gate terminal", [viewers], PORTAL)


@pytest.fixture
def office(owner) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    return client


def program(service, **how) -> Client:
    wanted = NewToken("vms", organisation=service.organisation, **how)
    _, key = issue_api_token(service.user, wanted, PORTAL, service.created_at)
    return Client(headers={"Authorization": f"Token {key}"})


def test_a_service_sees_what_its_groups_see(service, recorder, stranger):
    found = program(service).get("/api/v1/recorders/").json()["results"]
    assert [one["id"] for one in found] == [str(recorder.pk)]


def test_its_name_says_whose_it_is(service, organisation):
    assert service.user.login == f"gate-terminal@{organisation.handle}"
    with pytest.raises(NotPossible, match="already"):
        add_service(organisation, "Gate  Terminal!", [], PORTAL)
    with pytest.raises(NotPossible, match="letter"):
        add_service(organisation, "門", [], PORTAL)


def test_nobody_signs_in_as_a_service(client, service):
    for password in ("", PASSWORD):
        client.post("/accounts/login/", {"login": service.user.login, "password": password})
        assert "_auth_user_id" not in client.session


def test_a_service_is_no_administrator_that_keeps_an_organisation(organisation, owner):
    """A9: it cannot sign in, so it does not count."""
    administrators = organisation.groups.get(built_in="administrators")
    add_service(organisation, "Robot", [administrators], PORTAL)
    with pytest.raises(NotPossible, match="administrator"):
        services.disable_person(owner.memberships.get(), PORTAL)


def test_services_are_not_listed_as_people(office, service):
    assert b"Gate terminal" not in office.get("/users/").content
    assert office.get(f"/users/{service.user_id}/").status_code == 404
    assert office.get(f"/services/{service.user_id}/").status_code == 200


def test_a_disabled_service_is_out_at_once_and_comes_back(service):
    vms = program(service)
    services.disable_person(service, PORTAL)
    assert vms.get("/api/v1/recorders/").status_code == 401
    services.enable_person(service, PORTAL)
    assert vms.get("/api/v1/recorders/").status_code == 200


def test_a_removed_service_leaves_only_its_audit_lines(service, organisation):
    vms = program(service)
    remove_service(service, PORTAL)
    assert vms.get("/api/v1/me/").status_code == 401
    assert not User.objects.filter(is_service=True).exists()
    actions = AuditEntry.objects.filter(organisation=organisation).values_list("action", flat=True)
    assert {"service.added", "api_token.created", "service.removed"} <= set(actions)


def test_pages_add_a_service_and_show_its_token_once(office, organisation):
    office.post("/services/add/", {"name": "Backup"})
    service = organisation.memberships.get(user__is_service=True)
    address = f"/services/{service.user_id}/"
    form = {"program": "Nightly", "client": "program", "days": 30, "extent": "some"}
    assert "Tick at least one" in office.post(address + "tokens/", form).content.decode()
    shown = office.post(address + "tokens/", {**form, "scopes": ["read", "export"]})
    key = shown.context["key"]
    assert key in shown.content.decode()
    page = office.get(address).content.decode()
    assert (key in page, "Nightly" in page, ">export<" in page) == (False, True, True)
    token = service.user.api_tokens.get()
    assert (token.scopes, token.organisation) == (["read", "export"], organisation)


def test_a_service_is_made_and_given_a_token_over_the_api(office, organisation, viewers):
    made = office.post(
        "/api/v1/services/", {"name": "Wall", "groups": [str(viewers.pk)]}, content_type=JSON
    ).json()
    address = f"/api/v1/services/{made['id']}/"
    issued = office.post(
        address + "tokens/", {"name": "tv", "scopes": ["read"], "days": 5}, content_type=JSON
    ).json()
    assert (issued["scopes"], issued["organisation"]) == (["read"], str(organisation.pk))
    wall = Client(headers={"Authorization": f"Token {issued['token']}"})
    assert wall.get("/api/v1/me/").json()["token"]["id"] == issued["id"]
    assert office.delete(f"{address}tokens/{issued['id']}/").status_code == 204
    assert wall.get("/api/v1/me/").status_code == 401
    assert office.delete(address).status_code == 204


def test_a_page_that_stands_open_makes_no_token(client, owner, service):
    """A8"""
    client.force_login(owner)
    answer = client.post(
        f"/api/v1/services/{service.user_id}/tokens/", {"name": "x"}, content_type=JSON
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")


def test_a_stranger_finds_no_service(client, service, stranger):
    client.force_login(stranger)
    for address in ("/services/", "/api/v1/services/"):
        assert client.get(f"{address}{service.user_id}/").status_code == 404


def test_the_list_costs_the_same_for_more(office, organisation):
    counts = []
    for more in (1, 8):
        for n in range(more):
            program(add_service(organisation, f"Service {more} {n}", [], PORTAL))
        with CaptureQueriesContext(connection) as found:
            office.get("/services/")
        counts.append(len(found))
    assert counts[0] == counts[1]
