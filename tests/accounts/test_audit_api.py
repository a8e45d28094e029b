"""Retention, check and seals of the audit trail by the API."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts import audit_check_jobs
from accounts.audit import PORTAL, record
from accounts.audit_seals import read_seal, seal_text
from accounts.models import ApiToken, AuditEntry

pytestmark = pytest.mark.django_db

JSON = "application/json"


@pytest.fixture
def program(owner):
    def with_scopes(*scopes: str) -> Client:
        _, key = ApiToken.issue(owner, "script", timezone.now(), scopes=scopes or None)
        return Client(headers={"Authorization": f"Token {key}"})

    return with_scopes


@pytest.fixture
def address(organisation) -> str:
    record(organisation, PORTAL, "thing.changed")
    return f"/api/v1/organisations/{organisation.pk}/audit/"


def test_a_program_says_how_long_lines_are_kept(program, address, organisation):
    api = program()
    for days, status in ((365, 200), (None, 200), (89, 400), ("long", 400), (10**9, 400)):
        assert api.patch(address, {"kept_days": days}, content_type=JSON).status_code == status
    assert api.get(address).json()["kept_days"] is None
    said = AuditEntry.objects.filter(action="audit.retention_changed").order_by("number")
    assert [line.detail["after"] for line in said] == ["1 year", "for ever"]


def test_an_auditors_token_has_the_trail_checked_and_takes_seals_but_changes_nothing(
    program, address, organisation
):
    api = program("audit")
    audit_check_jobs.take_turn()
    asked = api.post(f"{address}check/")
    assert (asked.status_code, asked.json()["check_asked_at"] is None) == (202, False)
    assert audit_check_jobs.due(timezone.now()) == [organisation.pk]
    audit_check_jobs.take_turn()
    found = api.get(address).json()
    assert (found["fault"], found["checked_number"]) == ("", found["last"])
    assert found["check_asked_at"] is None
    seal = read_seal(seal_text(api.post(f"{address}seal/").json()))
    assert seal.number == AuditEntry.objects.get(action="audit.sealed").number
    refused = api.patch(address, {"kept_days": 90}, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
