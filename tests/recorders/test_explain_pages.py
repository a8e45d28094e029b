"""Why can this person see that camera, and what can this person see?"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import AuditEntry, Group, Membership
from recorders.grants.service import hide
from recorders.models import Camera, Grant, Location
from tests.conftest import make_recorder

NOWHERE = "55ed1e0d-344f-4c55-b278-8f06b8c263b6"  # nothing has this id
pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client, owner) -> Client:
    """The owner's browser."""
    client.force_login(owner)
    return client


@pytest.fixture
def why(office, viewer, cameras):
    """The page about the viewer and the first camera, as a text."""

    def page(**how: str) -> str:
        query = {"person": viewer.pk, "camera": cameras[0].pk, **how}
        return text(office.get("/access/why/", query))

    return page


def text(response) -> str:
    return " ".join(response.content.decode().split())


def card(page: str, right: str) -> str:
    """The part of the page about a right."""
    return page.partition(f"<h2>{right}</h2>")[2].partition("</section>")[0]


def test_it_names_the_group_and_where_it_gives_the_right(why):
    page = why()
    assert "Yes" in card(page, "Live")
    assert "live and recorded at Gate" in card(page, "Live")
    assert "No</span>" in card(page, "Export")
    assert "None of the groups of" in card(page, "Export")


def test_limits_are_told_and_what_stands_in_the_way(why, viewers, recorder):
    now = timezone.now()
    Grant.objects.create(
        group=viewers, recorder=recorder, may_export=True, holds_until=now - timedelta(hours=1)
    )
    Grant.objects.create(
        group=viewers,
        recorder=recorder,
        may_delete=True,
        addresses=["10.0.0.0/8"],
        is_judged=True,
        reason="From the office",
    )
    page = why(client="browser", address="192.0.2.1")
    assert "Does not count: its time is over." in card(page, "Export")
    assert "Does not count: not from their address." in card(page, "Delete")
    assert "From the office" in card(page, "Delete")
    assert "Yes" in card(why(client="browser", address="10.1.2.3"), "Delete")


def test_until_when_is_told(why, viewers, recorder, organisation):
    end = timezone.now() + timedelta(days=400)
    Grant.objects.create(group=viewers, recorder=recorder, may_export=True, holds_until=end)
    assert f"until {end.day} {end:%B %Y}" in card(why(), "Export")


def test_another_moment_can_be_looked_at(why, viewers, recorder):
    begin = datetime(2031, 1, 1, tzinfo=UTC)
    Grant.objects.create(group=viewers, recorder=recorder, may_export=True, holds_from=begin)
    assert "Does not count: it holds from 1 January 2031." in card(why(), "Export")
    later = why(client="browser", at="2031-02-01T12:00")
    assert "Yes" in card(later, "Export")


def test_who_hides_the_camera_is_told(why, viewers, cameras):
    hide(viewers, cameras[0], PORTAL)
    live = card(why(), "Live")
    assert "No</span>" in live
    assert f"the camera is hidden from {viewers}" in live


def test_what_is_limited_is_hidden_too(office, why, viewer, viewers, cameras):
    """A hidden camera is hidden whatever else stands in the way now."""
    Grant.objects.create(
        group=viewers, may_export=True, holds_from=datetime(2031, 1, 1, tzinfo=UTC)
    )
    hide(viewers, cameras[0], PORTAL)
    assert "2031, and the camera is hidden from" in card(why(), "Export")
    page = text(office.get(f"/users/{viewer.pk}/access/"))
    assert "Camera 1" not in page
    assert "Camera 2" in page


def test_a_group_that_asks_for_a_second_factor_is_told(why, viewers):
    Group.objects.filter(pk=viewers.pk).update(requires_mfa=True)
    assert "the group asks for a second factor" in card(why(), "Live")
    assert "Yes" in card(why(client="browser", is_strong="on"), "Live")


@pytest.mark.parametrize(
    ("state", "words"), [("disabled", "the person is disabled"), ("invited", "not taken up yet")]
)
def test_who_is_not_active_has_nothing_and_is_told_why(why, viewer, state, words):
    Membership.objects.filter(user=viewer).update(state=state)
    assert words in card(why(), "Live")


def test_an_administrator_has_every_right(office, owner, cameras):
    page = text(office.get("/access/why/", {"person": owner.pk, "camera": cameras[0].pk}))
    for right in ("Live", "Recorded", "Export", "Configure", "Delete"):
        assert "Administrators: every right" in card(page, right)


def test_what_is_missing_is_asked_for(office, viewer, cameras):
    page = text(office.get("/access/why/", {"q": "view"}))
    assert f"?person={viewer.pk}" in page
    page = text(office.get("/access/why/", {"person": viewer.pk, "q": "camera 2"}))
    assert f"camera={cameras[1].pk}" in page
    assert f"camera={cameras[0].pk}" not in page
    page = text(office.get("/access/why/", {"camera": cameras[0].pk}))
    assert f"?person={viewer.pk}&amp;camera={cameras[0].pk}" in page


@pytest.mark.parametrize("name", ["person", "camera"])
@pytest.mark.parametrize("value", ["x", NOWHERE])
def test_what_is_not_there_is_not_found(office, name, value):
    assert office.get("/access/why/", {name: value}).status_code == 404


def test_nothing_foreign_is_explained(office, viewer, cameras, stranger):
    """A2"""
    foreign = make_recorder(stranger.memberships.get().organisation, "Foreign").cameras.first()
    for query in (
        {"person": stranger.pk, "camera": cameras[0].pk},
        {"person": viewer.pk, "camera": foreign.pk},
    ):
        assert office.get("/access/why/", query).status_code == 404
    assert "Foreign" not in text(office.get("/access/why/", {"person": viewer.pk}))


def test_wrong_circumstances_are_named_at_their_field(why):
    page = why(client="browser", address="here", at="soon")
    assert "Enter a valid IPv4 or IPv6 address." in page
    assert "Enter a valid date/time." in page


def test_the_recorder_page_leads_administrators_there(client, owner, viewer, recorder, cameras):
    address = f"/access/why/?camera={cameras[0].pk}"
    client.force_login(owner)
    assert address in text(client.get(f"/recorders/{recorder.pk}/"))
    client.force_login(viewer)
    assert address not in text(client.get(f"/recorders/{recorder.pk}/"))


# --- What can this person see? --------------------------------------------------------------------


def test_the_list_tells_rights_and_limits(office, viewer, viewers, cameras):
    Grant.objects.create(
        group=viewers,
        camera=cameras[0],
        may_export=True,
        holds_until=datetime(2031, 1, 1, tzinfo=UTC),
    )
    page = text(office.get(f"/users/{viewer.pk}/access/"))
    assert "<span>Live and recorded</span>" in page
    assert "<span>Export <small>until 1 January 2031</small></span>" in page


def test_it_lists_what_is_seen_and_nothing_else(office, organisation, viewer, viewers, cameras):
    make_recorder(organisation, "Vault")
    hide(viewers, cameras[1], PORTAL)
    page = text(office.get(f"/users/{viewer.pk}/access/"))
    assert "Camera 1" in page
    assert "Camera 2" not in page
    assert "Vault" not in page


def test_who_has_no_group_sees_nothing(office, organisation, viewer):
    viewer.memberships.get().groups.clear()
    assert "sees nothing" in text(office.get(f"/users/{viewer.pk}/access/"))


def test_recorders_of_a_location_are_listed(office, organisation, viewer, viewers):
    place = Location.objects.create(organisation=organisation, name="Quay")
    made = make_recorder(organisation, "Crane")
    made.location = place
    made.save(update_fields=["location"])
    Grant.objects.create(group=viewers, location=place, may_live=True)
    assert "Crane" in text(office.get(f"/users/{viewer.pk}/access/"))
    assert "Crane" not in text(office.get(f"/users/{viewer.pk}/access/", {"q": "Gate"}))


def test_the_query_count_does_not_grow(
    office, organisation, viewer, viewers, django_assert_max_num_queries
):
    Grant.objects.create(group=viewers, may_live=True)
    address = f"/users/{viewer.pk}/access/"
    office.get(address)
    with django_assert_max_num_queries(25) as few:
        office.get(address)
    for n in range(10):
        made = make_recorder(organisation, f"R{n}", cameras=3)
        Grant.objects.create(group=viewers, recorder=made, may_playback=True)
    with django_assert_max_num_queries(len(few)):
        office.get(address)


def test_the_file_has_a_line_for_each_camera_and_no_formula(office, viewer, viewers, recorder):
    Camera.objects.filter(recorder=recorder, number=1).update(name="=HYPERLINK(1)")
    Grant.objects.create(
        group=viewers,
        recorder=recorder,
        may_configure=True,
        may_export=True,
        holds_until=datetime(2031, 1, 1, tzinfo=UTC),
    )
    answer = office.get(f"/users/{viewer.pk}/access.csv")
    lines = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [line["Camera"] for line in lines] == ["", "'=HYPERLINK(1)", "Camera 2"]
    assert [line["configure"] for line in lines] == ["limited", "", ""]
    assert (lines[1]["live"], lines[1]["export"]) == ("yes", "limited")
    assert lines[1]["Limits"] == "Export: until 1 January 2031"
    assert AuditEntry.objects.filter(action="person.access_exported").exists()


@pytest.mark.parametrize("address", ["/users/{}/access/", "/users/{}/access.csv"])
def test_a_stranger_is_not_found(office, stranger, address):
    """A2"""
    assert office.get(address.format(stranger.pk)).status_code == 404
