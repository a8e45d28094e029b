"""A1: where single sign-on is forced, an API token counts when it was made through the provider,
as long as the person may come through it."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from django.utils import timezone

from accounts.api_tokens import NewToken, issue_api_token
from accounts.audit import PORTAL
from accounts.models import ApiToken, Federation, IdentityProvider
from accounts.service_accounts import add_service
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def federation(viewer, organisation) -> Federation:
    """Of the viewer, at a provider that the organisation asks everybody to come through."""
    provider = IdentityProvider.objects.create(
        organisation=organisation, kind="oidc", name="ID", is_enabled=True, is_forced=True
    )
    return Federation.objects.create(
        provider=provider, subject="1", membership=viewer.memberships.get()
    )


def recorders(key: str) -> list[str]:
    answer = Client().get("/api/v1/recorders/", headers={"Authorization": f"Token {key}"})
    assert answer.status_code == 200, answer.json()
    return [recorder["name"] for recorder in answer.json()["results"]]


def made(client, name="script") -> str:
    answer = client.post("/api/v1/tokens/", {"name": name}, content_type="application/json")
    assert answer.status_code == 201, answer.json()
    return answer.json()["token"]


@pytest.fixture
def came(client, viewer, federation) -> Client:
    """The viewer's browser, signed in through the provider just now."""
    client.force_login(viewer)
    session = client.session
    now = time.time()
    session["sign_on"] = {"federation": federation.pk, "is_strong": False, "until": now + 3600}
    session.save()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def test_a_token_of_a_password_counts_nothing_there(viewer, recorder, federation):
    _, key = ApiToken.issue(viewer, "script", timezone.now())
    assert recorders(key) == []


def test_a_token_that_was_made_through_the_provider_counts(came, recorder):
    key = made(came)
    assert recorders(key) == ["Gate"]
    token = ApiToken.objects.get()
    assert token.by_provider
    assert token.organisation == recorder.organisation


def test_a_copy_of_such_a_token_counts_too(came, recorder):
    headers = {"Authorization": f"Token {made(came)}"}
    answer = Client().post(
        "/api/v1/tokens/", {"name": "copy"}, content_type="application/json", headers=headers
    )
    assert recorders(answer.json()["token"]) == ["Gate"]


@pytest.mark.parametrize("end", ["federation", "membership"])
def test_it_counts_no_more_when_the_person_may_not_come_that_way(end, came, recorder, federation):
    key = made(came)
    if end == "federation":
        federation.delete()
    else:
        federation.membership.state = "disabled"
        federation.membership.save()
    assert recorders(key) == []


def test_a_service_has_no_provider_and_counts(viewers, recorder, federation):
    service = add_service(recorder.organisation, "Backup", [viewers], PORTAL)
    wanted = NewToken("nightly", organisation=recorder.organisation)
    _, key = issue_api_token(service.user, wanted, PORTAL, timezone.now())
    assert recorders(key) == ["Gate"]
