"""Grants of a group: the rules, and the page with the matrix."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.urls import reverse

from accounts.access import group_of
from accounts.audit import PORTAL
from accounts.errors import NotPossible
from accounts.models import AuditEntry
from recorders.access import Given, grants_of, set_grants
from recorders.forms.access import merge, parse
from recorders.models import Camera
from tests.conftest import make_recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(viewers) -> str:
    return reverse("group-access", kwargs={"group_id": viewers.pk})


def test_grants_are_replaced_as_a_whole(viewers, recorder, cameras):
    wanted = {Given("live"), Given("export", camera_id=cameras[0].pk)}
    set_grants(viewers, wanted, PORTAL)
    assert grants_of(viewers) == wanted


def test_a_change_is_audited_in_words(viewers, cameras):
    set_grants(viewers, {Given("live"), Given("export", camera_id=cameras[0].pk)}, PORTAL)
    entry = AuditEntry.objects.get(action="group.access_changed")
    assert entry.detail == {
        "before": ["live: Gate", "playback: Gate"],
        "after": ["export: Gate, camera 1 Camera 1", "live: everything"],
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
        with pytest.raises(NotPossible, match="no such recorder"):
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


# --- The page -------------------------------------------------------------------------------------


def test_the_page_shows_what_follows_from_what(client, owner, viewers, recorder, address):
    client.force_login(owner)
    body = client.get(address).content.decode()
    first = recorder.cameras.get(number=1)
    own = 'data-right="live" data-level="recorder" data-own checked>'
    covered = 'data-right="live" data-level="camera" checked disabled>'
    assert f'value="live:recorder:{recorder.pk}" {own}' in body
    assert f'value="live:camera:{first.pk}" {covered}' in body


def test_ticks_become_grants(client, owner, viewers, cameras, address):
    client.force_login(owner)
    client.post(address, {"grant": ["live", f"export:camera:{cameras[1].pk}"]})
    assert grants_of(viewers) == {Given("live"), Given("export", camera_id=cameras[1].pk)} | {
        Given("live", recorder_id=cameras[0].recorder_id)  # covered now, kept for later
    }


def test_what_a_page_cannot_have_sent_changes_nothing(client, owner, viewers, address):
    before = grants_of(viewers)
    client.force_login(owner)
    for value in ("live:camera:x", "configure:camera:00000000-0000-0000-0000-000000000000", "x"):
        client.post(address, {"grant": [value]})
    assert grants_of(viewers) == before


def test_grants_on_a_camera_that_is_away_survive_a_save(client, owner, viewers, cameras, address):
    away = Given("export", camera_id=cameras[1].pk)
    set_grants(viewers, {away}, PORTAL)
    Camera.objects.filter(pk=cameras[1].pk).update(is_present=False)
    client.force_login(owner)
    client.post(address, {"grant": ["playback"]})
    assert grants_of(viewers) == {away, Given("playback")}


def test_the_query_count_does_not_grow_with_recorders(
    client, owner, organisation, viewers, address, django_assert_num_queries
):
    client.force_login(owner)
    client.get(address)
    with django_assert_num_queries(6) as few:
        client.get(address)
    for n in range(10):
        make_recorder(organisation, f"R{n}", cameras=5)
    with django_assert_num_queries(len(few)):
        client.get(address)


def test_merge_keeps_a_covered_tick_and_drops_an_unticked_one(recorder, cameras):
    own = Given("live", camera_id=cameras[0].pk)
    where = {camera.pk: recorder.pk for camera in cameras}
    whole = parse([f"live:recorder:{recorder.pk}"])
    assert merge({own}, whole, {recorder.pk}, where) == {own, *whole}
    assert merge({own}, set(), {recorder.pk}, where) == set()
