"""A1: the database itself refuses rows that join two organisations, whoever writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Group, Membership
from incidents.models import Incident, IncidentCamera
from recorders.models import Camera, Grant, HiddenCamera, Location, Recorder
from tests.conftest import give, make_recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def foreign(stranger) -> Recorder:
    return make_recorder(stranger.memberships.get().organisation, "Foreign")


@pytest.fixture
def place(stranger) -> Location:
    return Location.objects.create(
        organisation=stranger.memberships.get().organisation, name="Elsewhere"
    )


def refused(write) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        write()


@pytest.mark.parametrize("scope", ["location", "recorder", "camera"])
def test_a_grant_stays_in_the_organisation_of_its_group(viewers, foreign, place, scope):
    things = {"location": place, "recorder": foreign, "camera": foreign.cameras.first()}
    refused(lambda: give(viewers, "live", **{scope: things[scope]}))
    own = viewers.grants.get()
    moved = {"recorder": None, scope: things[scope]}
    refused(lambda: Grant.objects.filter(pk=own.pk).update(**moved))


def test_raw_sql_is_refused_as_well(viewers, foreign):
    own = viewers.grants.get()
    value = foreign.pk.hex if connection.vendor == "sqlite" else str(foreign.pk)

    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE recorders_grant SET recorder_id = %s WHERE id = %s", [value, own.pk]
            )

    refused(write)


def test_a_camera_is_hidden_from_groups_of_its_organisation_alone(viewers, foreign):
    camera = foreign.cameras.first()
    refused(lambda: HiddenCamera.objects.create(group=viewers, camera=camera))


def test_nobody_is_in_a_group_of_another_organisation(viewers, stranger):
    refused(lambda: viewers.memberships.add(stranger.memberships.get()))


def test_what_belongs_to_an_organisation_stays_there(viewer, viewers, cameras, stranger, place):
    other = stranger.memberships.get().organisation
    refused(lambda: Group.objects.filter(pk=viewers.pk).update(organisation=other))
    refused(lambda: Membership.objects.filter(user=viewer).update(organisation=other))
    refused(lambda: Location.objects.filter(pk=place.pk).update(organisation=viewers.organisation))
    recorder = make_recorder(other, "Third")
    refused(lambda: Camera.objects.filter(pk=cameras[0].pk).update(recorder=recorder))


def test_a_recorder_is_at_no_location_of_another_organisation(recorder, place):
    refused(lambda: Recorder.objects.filter(pk=recorder.pk).update(location=place))


def test_a_recorder_changes_its_organisation_only_without_rights_on_it(
    recorder, viewers, stranger, cameras
):
    other = stranger.memberships.get().organisation

    def move() -> int:
        return Recorder.objects.filter(pk=recorder.pk).update(organisation=other)

    refused(move)
    Grant.objects.all().delete()
    hidden = HiddenCamera.objects.create(group=viewers, camera=cameras[0])
    refused(move)
    hidden.delete()
    give(viewers, "live", camera=cameras[1])
    refused(move)
    Grant.objects.all().delete()
    assert move() == 1


def test_an_incident_has_cameras_of_its_organisation_alone(organisation, foreign, cameras):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    incident = Incident.objects.create(
        organisation=organisation, title="Theft", start=start, end=start + timedelta(minutes=1)
    )
    refused(
        lambda: IncidentCamera.objects.create(incident=incident, camera=foreign.cameras.first())
    )
    IncidentCamera.objects.create(incident=incident, camera=cameras[0])
    moved = Recorder.objects.filter(pk=cameras[0].recorder_id)
    refused(lambda: moved.update(organisation=foreign.organisation))
