"""View as: a person's rights for an administrator's eyes, in one organisation, to look only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import view_as
from accounts.models import ApiToken, AuditEntry, Group, Membership
from tests.conftest import make_recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client, owner) -> Client:
    """The owner's browser."""
    client.force_login(owner)
    return client


@pytest.fixture
def looking(office, viewer) -> Client:
    """The owner's browser, in which they view as the viewer."""
    office.post(f"/users/{viewer.pk}/view-as/")
    return office


def text(response) -> str:
    return response.content.decode()


def later(client: Client, minutes: int) -> None:
    """As if viewing had begun so long ago."""
    session = client.session
    kept = dict(session[view_as.KEY])
    kept["until"] = (timezone.now() + view_as.LONGEST - timedelta(minutes=minutes)).isoformat()
    session[view_as.KEY] = kept
    session.save()


def test_an_administrator_sees_what_the_person_sees(looking, organisation, recorder):
    make_recorder(organisation, "Vault")
    page = text(looking.get("/recorders/"))
    assert "Gate" in page
    assert "Vault" not in page
    assert "/users/" not in page  # nor what administrators have
    assert "You see the portal as" in page
    assert looking.get("/users/").status_code == 403
    looking.post("/view-as/end/")
    assert "Vault" in text(looking.get("/recorders/"))


def test_begin_and_end_are_in_the_audit_trail(looking, owner, viewer):
    looking.post("/view-as/end/")
    lines = AuditEntry.objects.filter(action__startswith="view_as.").order_by("number")
    assert [(line.action, line.actor, line.target) for line in lines] == [
        ("view_as.started", owner, viewer.login),
        ("view_as.ended", owner, viewer.login),
    ]


def test_nothing_can_be_changed_meanwhile(looking, owner):
    answer = looking.post("/account/", {"name": "Other"})
    assert answer.status_code == 403
    assert "nothing can be changed" in text(answer)
    owner.refresh_from_db()
    assert owner.name == "Owner"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_refuses_changes_with_a_code(looking, recorder, method):
    call = getattr(looking, method)
    answer = call(f"/api/v1/recorders/{recorder.pk}/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "view_as")
    assert answer["Content-Type"] == "application/problem+json"


def test_video_may_be_asked_for(looking, recorder):
    answer = looking.post(f"/api/v1/recorders/{recorder.pk}/session/", {}, "application/json")
    assert answer.status_code == 201


def test_it_is_over_after_half_an_hour(looking, viewer):
    later(looking, 29)
    assert looking.get("/recorders/").status_code == 200
    later(looking, 30)
    answer = looking.get("/recorders/", follow=True)
    assert answer.redirect_chain == [(f"/users/{viewer.pk}/", 302)]
    assert "Viewing as another person is over." in text(answer)
    assert AuditEntry.objects.get(action="view_as.ended").detail == {"why": "time over"}


def test_a_change_that_was_sent_too_late_is_not_made(looking, owner):
    later(looking, 31)
    assert looking.post("/account/", {"name": "Other"}).status_code == 403
    owner.refresh_from_db()
    assert owner.name == "Owner"
    assert looking.post("/account/", {"name": "Other"}).status_code == 302


def test_a_part_of_a_page_reloads_the_page_when_it_is_over(looking):
    later(looking, 31)
    answer = looking.get("/recorders/part/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"]) == (401, "true")


def test_signing_out_ends_it_too(looking):
    looking.post("/accounts/logout/")
    assert AuditEntry.objects.get(action="view_as.ended").detail == {"why": "signed out"}


def test_it_cannot_be_stacked(looking, owner):
    assert looking.post(f"/users/{owner.pk}/view-as/").status_code == 403


def test_it_is_over_when_the_administrator_is_none_any_more(looking, owner, organisation, viewer):
    """A9"""
    organisation.groups.get(built_in="administrators").memberships.set(
        [organisation.memberships.get(user=viewer)]
    )
    looking.get("/recorders/")
    assert "Gate" not in text(looking.get("/recorders/"))


def test_what_the_person_has_elsewhere_is_not_seen(looking, stranger, viewer):
    """A2: neither by the person's membership there, nor by the administrator's own."""
    elsewhere = stranger.memberships.get().organisation
    make_recorder(elsewhere, "Foreign")
    there = Membership.objects.create(user=viewer, organisation=elsewhere)
    there.groups.set(Group.objects.filter(organisation=elsewhere))
    page = text(looking.get("/recorders/"))
    assert "Foreign" not in page
    assert "Elsewhere" not in page


def test_an_administrator_of_both_sees_one_of_them(looking, stranger, viewer, owner):
    elsewhere = stranger.memberships.get().organisation
    make_recorder(elsewhere, "Foreign")
    for user in (viewer, owner):
        there = Membership.objects.create(user=user, organisation=elsewhere)
        there.groups.set(Group.objects.filter(organisation=elsewhere))
    assert "Foreign" not in text(looking.get("/recorders/"))


def test_nobody_views_as_a_stranger(office, stranger):
    """A2"""
    assert office.post(f"/users/{stranger.pk}/view-as/").status_code == 404


@pytest.mark.parametrize("state", ["invited", "disabled"])
def test_who_sees_nothing_cannot_be_viewed_as(office, organisation, viewer, state):
    organisation.memberships.filter(user=viewer).update(state=state)
    page = office.post(f"/users/{viewer.pk}/view-as/", follow=True)
    assert "sees nothing" in text(page)
    assert view_as.KEY not in office.session


def test_viewing_as_oneself_is_refused(office, owner):
    assert "That is you" in text(office.post(f"/users/{owner.pk}/view-as/", follow=True))


def test_api_tokens_are_not_touched_by_it(looking, owner, organisation):
    _, key = ApiToken.issue(owner, "script", timezone.now())
    program = Client(headers={"Authorization": f"Token {key}"})
    make_recorder(organisation, "Vault")
    names = {item["name"] for item in program.get("/api/v1/recorders/").json()["results"]}
    assert "Vault" in names
