"""Grants of a group without limits: the rules."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from accounts.access import group_of
from accounts.audit import PORTAL
from accounts.errors import NotPossible
from accounts.models import AuditEntry
from recorders.grants.plain import Given, grants_of, set_grants
from recorders.models import Location
from tests.conftest import give, make_recorder

pytestmark = pytest.mark.django_db


def test_grants_are_replaced_as_a_whole(viewers, recorder, cameras):
    wanted = {Given("live"), Given("export", camera_id=cameras[0].pk)}
    set_grants(viewers, wanted, PORTAL)
    assert grants_of(viewers) == wanted


def test_a_change_is_audited_in_words(viewers, cameras):
    set_grants(viewers, {Given("live"), Given("export", camera_id=cameras[0].pk)}, PORTAL)
    entry = AuditEntry.objects.get(action="group.access_changed")
    assert entry.detail == {
        "before": ["Live and recorded: Gate"],
        "after": ["Export: Gate, camera 1 Camera 1", "Live: everything"],
    }


def test_no_change_leaves_no_line(viewers):
    set_grants(viewers, grants_of(viewers), PORTAL)
    assert not AuditEntry.objects.filter(action="group.access_changed").exists()


@pytest.mark.parametrize("right", ["ptz", "audio", "everything", ""])
def test_only_rights_with_a_feature_behind_them_can_be_given(viewers, right):
    with pytest.raises(NotPossible, match="cannot be given"):
        set_grants(viewers, {Given(right)}, PORTAL)


def test_configure_is_never_about_one_camera(viewers, cameras):
    with pytest.raises(NotPossible, match="cannot be given"):
        set_grants(viewers, {Given("configure", camera_id=cameras[0].pk)}, PORTAL)


def test_a_recorder_of_another_organisation_cannot_be_given(viewers, stranger):
    foreign = make_recorder(stranger.memberships.get().organisation, "Foreign")
    for grant in (
        Given("live", recorder_id=foreign.pk),
        Given("live", camera_id=foreign.cameras.get(number=1).pk),
    ):
        with pytest.raises(NotPossible, match="no such location, recorder"):
            set_grants(viewers, {grant}, PORTAL)


def test_administrators_need_no_grants(organisation):
    with pytest.raises(NotPossible, match="every right"):
        set_grants(organisation.groups.get(built_in="administrators"), {Given("live")}, PORTAL)


@pytest.mark.django_db(transaction=True)
def test_running_sessions_of_the_people_concerned_are_told(viewer, viewers):
    """A6: they renew at once, and get what is allowed now."""

    async def listen() -> str:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(group_of(viewer.pk), channel)
        return channel

    async def scenario() -> dict:
        from asgiref.sync import sync_to_async

        channel = await listen()
        await sync_to_async(set_grants)(viewers, set(), PORTAL)
        return await get_channel_layer().receive(channel)

    assert async_to_sync(scenario)() == {"type": "access.changed"}


def test_the_people_of_grants_are_named_once_each(organisation, recorder, owner, viewer, viewers):
    """Who may lose something when a recorder leaves a location."""
    place = Location.objects.create(organisation=organisation, name="Quay")
    for right in ("live", "playback"):
        give(viewers, right, location=place)
    assert list(place.grants.people()) == [viewer]
    viewer.memberships.get().groups.clear()
    assert not place.grants.people().exists()
