"""Grants of a group by the API, all at once and one by one."""

from __future__ import annotations

import pytest

from accounts.audit import PORTAL
from accounts.errors import NotPossible
from accounts.models import AuditEntry
from recorders.api import access
from recorders.grants import service
from recorders.grants.values import GrantValue, Scope, value_of
from tests.conftest import give, make_recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(viewers) -> str:
    return f"/api/v1/groups/{viewers.pk}/grants/"


def test_one_is_added_changed_and_taken_back_and_the_others_stay(api, owner, viewers, address):
    program, before = api(owner), list(viewers.grants.all())
    made = program.post(address, {"rights": ["export"], "addresses": ["10.0.0.0/8"]}, format="json")
    assert (made.status_code, made.json()["location"]) == (201, None)
    one = f"{address}{made.json()['id']}/"
    changed = program.patch(one, {"rights": ["live"], "reason": "Night"}, format="json")
    assert changed.json() == {**made.json(), "rights": ["live"], "reason": "Night"}
    assert program.get(one).json() == changed.json()
    assert program.delete(one).status_code == 204
    assert program.get(one).status_code == 404
    assert list(viewers.grants.all()) == before
    assert AuditEntry.objects.filter(action="group.access_changed").count() == 3


def test_what_was_read_can_be_sent_back_and_keeps_its_ids(api, owner, viewers, address):
    give(viewers, "export", reason="Night")
    read = api(owner).get(address).json()
    assert api(owner).put(address, read, format="json").json() == read
    assert not AuditEntry.objects.filter(action="group.access_changed").exists()


@pytest.mark.parametrize(
    "body", [{"rights": []}, {"rights": ["everything"]}, {"id": 7}, {"group": 7}, {"hours": [[1]]}]
)
def test_a_body_that_says_nothing_sensible_is_refused(api, owner, viewers, address, body):
    """P1"""
    one = f"{address}{viewers.grants.get().pk}/"
    assert api(owner).patch(one, body, format="json").status_code == 400
    assert api(owner).post(address, {"rights": ["live"], **body}, format="json").status_code == 400


def test_a_recorder_of_somebody_else_cannot_be_named(api, owner, viewers, stranger, address):
    foreign = make_recorder(stranger.memberships.get().organisation, "Foreign")
    named = {"recorder": str(foreign.pk)}
    one = f"{address}{viewers.grants.get().pk}/"
    assert api(owner).patch(one, named, format="json").json()["code"] == "not_found"
    added = api(owner).post(address, {"rights": ["live"], **named}, format="json")
    assert (added.status_code, added.json()["code"]) == (409, "not_found")


def test_a_grant_of_another_group_is_not_there(api, owner, organisation, viewers):
    """A9: also of another group of the same organisation."""
    other = organisation.groups.create(name="Others")
    address = f"/api/v1/groups/{other.pk}/grants/{viewers.grants.get().pk}/"
    for method in ("get", "patch", "delete"):
        assert getattr(api(owner), method)(address, {}, format="json").status_code == 404


@pytest.mark.parametrize("built_in", ["administrators", "managers", "viewers"])
def test_built_in_groups_take_no_grants_not_even_none(api, owner, organisation, built_in):
    group, _ = organisation.groups.get_or_create(built_in=built_in, defaults={"name": built_in})
    address = f"/api/v1/groups/{group.pk}/grants/"
    for answer in (
        api(owner).put(address, {"grants": []}, format="json"),
        api(owner).put(address, {"grants": [{"rights": ["live"]}]}, format="json"),
        api(owner).post(address, {"rights": ["live"]}, format="json"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "built_in")


def test_a_change_does_not_bring_back_what_was_taken_away_meanwhile(viewers):
    """A6"""
    seen = viewers.grants.get()
    service.remove(viewers.grants.get(), PORTAL)
    with pytest.raises(NotPossible, match="took this back"):
        service.replace_one(seen, GrantValue(Scope(), frozenset({"live"})), PORTAL)
    assert not viewers.grants.exists()


def test_of_two_changes_at_once_neither_undoes_the_other(api, owner, viewers, address, monkeypatch):
    """A6: a limit that one of them sets stays, whatever the other one read before."""
    program, one = api(owner), f"{address}{viewers.grants.get().pk}/"
    real = access.checked

    def overtaken(*arguments, **options):
        monkeypatch.undo()
        limited = program.patch(one, {"addresses": ["10.0.0.0/8"]}, format="json")
        assert limited.status_code == 200
        return real(*arguments, **options)

    monkeypatch.setattr(access, "checked", overtaken)
    changed = program.patch(one, {"reason": "Night"}, format="json").json()
    assert (changed["addresses"], changed["reason"]) == (["10.0.0.0/8"], "Night")
    assert changed == program.get(one).json()


def test_a_change_by_api_does_not_bring_back_what_was_taken_away_meanwhile(
    api, owner, viewers, address, monkeypatch
):
    """A6"""
    grant, real = viewers.grants.get(), access.checked

    def overtaken(*arguments, **options):
        service.remove(grant, PORTAL)
        return real(*arguments, **options)

    monkeypatch.setattr(access, "checked", overtaken)
    answer = api(owner).patch(f"{address}{grant.pk}/", {"reason": "Night"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "gone")
    assert not viewers.grants.exists()


def test_the_row_that_replaces_another_is_in_its_place(viewers):
    seen = viewers.grants.get()
    value = GrantValue(Scope(), frozenset({"live"}))
    assert service.replace_one(seen, value, PORTAL).pk == seen.pk
    assert value_of(viewers.grants.get()) == value
