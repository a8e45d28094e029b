"""Access of a group: the matrix, limited access, hidden cameras."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit import PORTAL
from accounts.models import AuditEntry, Group
from recorders.forms.access import EVERYTHING, merge, parse_ticks
from recorders.grants.plain import Given, grants_of, set_grants
from recorders.grants.values import value_of
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
def address(viewers) -> str:
    return reverse("group-access", kwargs={"group_id": viewers.pk})


@pytest.fixture
def quay(organisation, recorder) -> Location:
    """Where the recorder is."""
    location = Location.objects.create(organisation=organisation, name="Quay")
    recorder.location = location
    recorder.save(update_fields=["location"])
    return location


def text(response) -> str:
    return response.content.decode()


def shown(page: str) -> list[str]:
    """What a browser sends of the rows of a page."""
    marker = 'name="shown" value="'
    return [part.partition('"')[0] for part in page.split(marker)[1:]]


# --- The matrix -----------------------------------------------------------------------------------


def test_the_page_shows_what_follows_from_what(office, recorder, address):
    body = text(office.get(address))
    first = recorder.cameras.get(number=1)
    own = 'data-right="live" data-level="recorder" data-own checked>'
    covered = 'data-right="live" data-level="camera" checked disabled>'
    assert f'value="live:recorder:{recorder.pk}" {own}' in body
    assert f'value="live:camera:{first.pk}" {covered}' in body


def test_ticks_become_grants(office, viewers, cameras, address):
    rows = shown(text(office.get(address)))
    office.post(
        address, {"shown": rows, "grant": ["live:everything", f"export:camera:{cameras[1].pk}"]}
    )
    assert grants_of(viewers) == {Given("live"), Given("export", camera_id=cameras[1].pk)} | {
        Given("live", recorder_id=cameras[0].recorder_id)  # covered now, kept for later
    }


def test_a_tick_on_a_location_covers_its_recorders(office, viewers, recorder, quay, address):
    rows = shown(text(office.get(address)))
    assert f"location:{quay.pk}" in rows
    office.post(address, {"shown": rows, "grant": [f"delete:location:{quay.pk}"]})
    assert grants_of(viewers) == {Given("delete", location_id=quay.pk)}
    covered = f'value="delete:recorder:{recorder.pk}" data-right="delete" data-level="recorder"'
    assert f"{covered} checked disabled>" in text(office.get(address))


def test_a_location_without_recorders_can_be_given_too(office, organisation, viewers, address):
    empty = Location.objects.create(organisation=organisation, name="Annex")
    rows = shown(text(office.get(address)))
    office.post(address, {"shown": rows, "grant": [f"live:location:{empty.pk}"]})
    assert grants_of(viewers) == {Given("live", location_id=empty.pk)}


def test_what_a_page_does_not_show_stays(office, organisation, viewers, recorder, address):
    other = Given("export", recorder_id=make_recorder(organisation, "Zulu").pk)
    set_grants(viewers, grants_of(viewers) | {other}, PORTAL)
    page = text(office.get(address, {"q": "Gate"}))
    assert "Zulu" not in page
    office.post(address, {"shown": shown(page), "grant": [f"playback:recorder:{recorder.pk}"]})
    assert grants_of(viewers) == {other, Given("playback", recorder_id=recorder.pk)}


def test_limited_access_survives_the_matrix(office, viewers, recorder, address):
    limited = Grant.objects.create(
        group=viewers,
        recorder=recorder,
        may_export=True,
        holds_until=datetime(2030, 1, 1, tzinfo=UTC),
    )
    office.post(address, {"shown": shown(text(office.get(address)))})
    assert list(viewers.grants.all()) == [limited]


@pytest.mark.parametrize(
    "value",
    ["live:camera:x", f"configure:camera:{NOWHERE}", "x", "live:", "ptz:everything"],
)
def test_what_a_page_cannot_have_sent_changes_nothing(office, viewers, address, value):
    before = grants_of(viewers)
    rows = shown(text(office.get(address)))
    page = office.post(address, {"shown": rows, "grant": [value]}, follow=True)
    assert grants_of(viewers) == before
    assert "out of date" in text(page)


def test_a_recorder_of_another_organisation_cannot_be_ticked(office, viewers, stranger, address):
    """A2"""
    foreign = make_recorder(stranger.memberships.get().organisation, "Foreign")
    before = grants_of(viewers)
    key = f"recorder:{foreign.pk}"
    office.post(address, {"shown": [key], "grant": [f"live:{key}"]})
    assert grants_of(viewers) == before


def test_grants_on_a_camera_that_is_away_survive_a_save(office, viewers, cameras, address):
    away = Given("export", camera_id=cameras[1].pk)
    set_grants(viewers, {away}, PORTAL)
    Camera.objects.filter(pk=cameras[1].pk).update(is_present=False)
    rows = shown(text(office.get(address)))
    office.post(address, {"shown": rows, "grant": ["playback:everything"]})
    assert grants_of(viewers) == {away, Given("playback")}


def test_cameras_are_fetched_when_a_recorder_is_unfolded(office, organisation, recorder, address):
    for n in range(4):
        make_recorder(organisation, f"R{n}")
    camera = recorder.cameras.get(number=1)
    assert f"camera:{camera.pk}" not in text(office.get(address))
    assert f"camera:{camera.pk}" in text(office.get(f"{address}cameras/{recorder.pk}/"))
    assert f"camera:{camera.pk}" in text(office.get(address, {"open": recorder.pk}))


def test_a_recorder_with_a_tick_on_a_camera_is_unfolded(office, organisation, viewers, address):
    for n in range(4):
        make_recorder(organisation, f"R{n}")
    camera = Camera.objects.get(recorder__name="R2", number=2)
    set_grants(viewers, {Given("live", camera_id=camera.pk)}, PORTAL)
    page = text(office.get(address))
    assert f"camera:{camera.pk}" in page
    assert page.count('data-level="camera"') == 8  # the two cameras of one recorder, four rights


def test_the_query_count_does_not_grow_with_recorders(
    office, organisation, address, django_assert_max_num_queries
):
    for n in range(4):
        make_recorder(organisation, f"R{n}")
    office.get(address)
    with django_assert_max_num_queries(20) as few:
        office.get(address)
    for n in range(10):
        place = Location.objects.create(organisation=organisation, name=f"L{n}")
        made = make_recorder(organisation, f"S{n}", cameras=5)
        made.location = place
        made.save(update_fields=["location"])
    with django_assert_max_num_queries(len(few)):
        office.get(address)


def test_merge_keeps_a_covered_tick_and_drops_an_unticked_one(recorder, cameras):
    own = Given("live", camera_id=cameras[0].pk)
    whole = parse_ticks([f"live:recorder:{recorder.pk}"])
    parents = {own.scope: next(iter(whole)).scope, next(iter(whole)).scope: EVERYTHING}
    rows = {EVERYTHING, *parents}
    assert merge({own}, whole, rows, parents) == {own, *whole}
    assert merge({own}, set(), rows, parents) == set()


def test_merge_knows_what_a_row_that_is_not_shown_covers(recorder, cameras):
    own = Given("live", camera_id=cameras[0].pk)
    parents = {own.scope: EVERYTHING}
    before = {own, Given("live")}
    assert merge(before, set(), {own.scope}, parents) == before


# --- Limited access -------------------------------------------------------------------------------

EMPTY_HOURS = {"hours-TOTAL_FORMS": "1", "hours-INITIAL_FORMS": "0"}
OFFICE_HOURS = {
    **EMPTY_HOURS,
    "hours-0-days": ["0", "1", "2", "3", "4"],
    "hours-0-start": "08:00",
    "hours-0-end": "18:00",
}
FILLED = {
    **OFFICE_HOURS,
    "rights": ["live", "playback"],
    "holds_until": "2030-05-03T00:00",
    "footage": "span",
    "footage_from": "2026-03-01T00:00",
    "clients": ["browser"],
    "addresses": "10.1.2.3/8\n2001:db8::/32",
    "reason": "Spring works",
}


@pytest.fixture
def limited(address) -> str:
    return f"{address}limited/"


def test_limited_access_is_given_as_filled_in(office, organisation, viewers, recorder, limited):
    organisation.time_zone = "Europe/Berlin"
    organisation.save()
    office.post(f"{limited}add/?scope=recorder:{recorder.pk}", FILLED)
    grant = viewers.grants.exclude(pk__in=viewers.grants.unlimited()).get()
    assert (grant.recorder, grant.rights) == (recorder, {"live", "playback"})
    assert grant.holds_until == datetime(2030, 5, 2, 22, tzinfo=UTC)  # midnight in Berlin
    assert grant.footage_from == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert grant.hours == [[day * 1440 + 480, day * 1440 + 1080] for day in range(5)]
    assert grant.addresses == ["10.0.0.0/8", "2001:db8::/32"]
    assert AuditEntry.objects.filter(action="group.access_changed").exists()
    page = text(office.get(limited)).replace("\N{EN DASH}", "-")
    for words in (
        "Live and recorded at",
        "until 3 May 2030",
        "Mon-Fri 08:00-18:00",
        "Spring works",
    ):
        assert words in page


def test_a_change_shows_what_is_there_and_replaces_it(office, viewers, recorder, limited):
    office.post(f"{limited}add/?scope=recorder:{recorder.pk}", FILLED)
    grant = viewers.grants.exclude(pk__in=viewers.grants.unlimited()).get()
    page = text(office.get(f"{limited}{grant.pk}/"))
    for value in ("2030-05-03T00:00", "08:00", "10.0.0.0/8", "Spring works"):
        assert value in page
    office.post(f"{limited}{grant.pk}/", {**FILLED, "reason": "Longer", "footage": "all"})
    changed = value_of(viewers.grants.exclude(pk__in=viewers.grants.unlimited()).get())
    assert (changed.reason, changed.limits.has_footage) == ("Longer", False)


def test_it_can_be_taken_back(office, viewers, recorder, limited):
    office.post(f"{limited}add/?scope=recorder:{recorder.pk}", FILLED)
    grant = viewers.grants.exclude(pk__in=viewers.grants.unlimited()).get()
    office.post(f"{limited}{grant.pk}/remove/")
    assert not Grant.objects.filter(pk=grant.pk).exists()


def test_from_now_on_covers_nothing_that_was_recorded_before(office, viewers, recorder, limited):
    before = datetime.now(UTC).replace(microsecond=0)
    filled = {**EMPTY_HOURS, "rights": ["playback"], "footage": "now"}
    office.post(f"{limited}add/?scope=recorder:{recorder.pk}", filled)
    grant = viewers.grants.exclude(pk__in=viewers.grants.unlimited()).get()
    assert grant.footage_from >= before
    assert grant.footage_to is None


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"rights": []}, "rights", "Tick one right at least."),
        ({"holds_from": "2031-01-01T00:00"}, "holds_until", "It must end after it begins."),
        ({"holds_from": "soon"}, "holds_from", "Enter a valid date/time."),
        ({"footage": "live"}, "footage", "need recorded video"),
        ({"rights": ["live"]}, "footage", "tick Recorded or Export"),
        ({"footage_from": ""}, "footage_from", "Say where the span begins or ends."),
        ({"footage_to": "2026-01-01T00:00"}, "footage_to", "It must end after it begins."),
        ({"addresses": "10.0.0.0/8 office"}, "addresses", "office is no address and no range."),
        ({"clients": ["telnet"]}, "clients", "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    office, viewers, recorder, limited, wrong, field, words
):
    page = office.post(f"{limited}add/?scope=recorder:{recorder.pk}", {**FILLED, **wrong})
    assert words in " ".join(page.context["form"].errors[field])
    assert not viewers.grants.exclude(pk__in=viewers.grants.unlimited()).exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"hours-0-end": ""}, "To: Fill in the time."),
        ({"hours-0-days": []}, "Days: Tick one day at least."),
        ({"hours-0-start": "25:00"}, "From: Enter a valid time."),
    ],
)
def test_wrong_hours_are_said_in_their_row(office, recorder, limited, wrong, words):
    page = office.post(f"{limited}add/?scope=recorder:{recorder.pk}", {**FILLED, **wrong})
    assert words in text(page)


def test_more_hours_can_be_asked_for_without_a_script(office, recorder, limited):
    filled = {**FILLED, "more_hours": "1"}
    page = text(office.post(f"{limited}add/?scope=recorder:{recorder.pk}", filled))
    assert 'name="hours-1-start"' in page
    assert "Spring works" in page
    assert not Grant.objects.filter(reason="Spring works").exists()


def test_without_any_limit_it_belongs_into_the_matrix(office, recorder, limited):
    filled = {**EMPTY_HOURS, "rights": ["live"], "footage": "all"}
    page = text(office.post(f"{limited}add/?scope=recorder:{recorder.pk}", filled))
    assert "Nothing is limited." in page


def test_where_is_found_by_words(office, organisation, quay, limited):
    make_recorder(organisation, "Vault")
    page = text(office.get(f"{limited}add/", {"q": "quay"}))
    assert "Gate" in page
    assert f"scope=location:{quay.pk}" in page
    assert "Vault" not in page
    assert "Nothing is called" in text(office.get(f"{limited}add/", {"q": "nowhere"}))


def test_configure_is_not_offered_for_a_camera(office, cameras, limited):
    page = text(office.get(f"{limited}add/?scope=camera:{cameras[0].pk}"))
    assert 'value="export"' in page
    assert 'value="configure"' not in page


@pytest.mark.parametrize("kind", ["recorder", "camera", "location"])
def test_nothing_foreign_is_named(office, stranger, limited, kind):
    """A2: not even its name."""
    elsewhere = stranger.memberships.get().organisation
    foreign = make_recorder(elsewhere, "Foreign")
    place = Location.objects.create(organisation=elsewhere, name="Foreign place")
    ids = {"recorder": foreign.pk, "camera": foreign.cameras.first().pk, "location": place.pk}
    assert office.get(f"{limited}add/?scope={kind}:{ids[kind]}").status_code == 404
    assert "Foreign" not in text(office.get(f"{limited}add/"))


def test_limited_access_of_another_group_is_not_found(office, organisation, recorder, limited):
    other = Group.objects.create(organisation=organisation, name="Others")
    grant = Grant.objects.create(
        group=other, recorder=recorder, may_live=True, holds_until=datetime(2030, 1, 1, tzinfo=UTC)
    )
    assert office.get(f"{limited}{grant.pk}/").status_code == 404
    assert office.post(f"{limited}{grant.pk}/remove/").status_code == 404


# --- Hidden cameras -------------------------------------------------------------------------------


def test_a_camera_is_hidden_and_shown_again(office, viewer, viewers, cameras, address):
    office.post(f"{address}hidden/add/", {"camera": cameras[0].pk})
    assert list(Camera.objects.visible_to(viewer)) == [cameras[1]]
    assert "Camera 1" in text(office.get(f"{address}hidden/"))
    assert "Camera 1 of" not in text(office.get(f"{address}hidden/add/"))
    office.post(f"{address}hidden/", {"camera": cameras[0].pk})
    assert Camera.objects.visible_to(viewer).count() == 2


@pytest.mark.parametrize("camera", ["", "x", NOWHERE])
def test_what_is_no_camera_is_not_found(office, address, camera):
    assert office.post(f"{address}hidden/add/", {"camera": camera}).status_code == 404


def test_a_foreign_camera_is_not_found(office, stranger, address):
    """A2"""
    foreign = make_recorder(stranger.memberships.get().organisation, "Foreign").cameras.first()
    assert office.post(f"{address}hidden/add/", {"camera": foreign.pk}).status_code == 404


def test_nothing_is_hidden_from_administrators(office, organisation):
    group = organisation.groups.get(built_in="administrators")
    assert office.get(f"/groups/{group.pk}/access/hidden/").status_code == 404
