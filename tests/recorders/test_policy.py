"""What a person may do where: a table. tests/recorders/test_decision.py has the property."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from accounts.models import Group, Membership
from protocol.tokens import RIGHTS
from recorders.models import Camera, Recorder
from recorders.policy import camera_rights, recorder_rights
from tests.conftest import give

pytestmark = pytest.mark.django_db


def give_all(group: Group, recorder: Recorder, grants: Iterable[str]) -> None:
    """`live everywhere`, `live here` (the recorder), `live first` (its first camera)."""
    first = recorder.cameras.get(number=1)
    scopes = {"everywhere": {}, "here": {"recorder": recorder}, "first": {"camera": first}}
    for grant in grants:
        right, scope = grant.split()
        give(group, right, **scopes[scope])


@pytest.mark.parametrize(
    ("grants", "on_recorder", "on_first", "on_second"),
    [
        ([], "", "", ""),
        (["live everywhere"], "live", "live", "live"),
        (["live here"], "live", "live", "live"),
        (["live first"], "", "live", ""),
        (["configure here"], "configure", "", ""),
        (["configure everywhere"], "configure", "", ""),
        (["live here", "playback first"], "live", "live playback", "live"),
        (["live everywhere", "live first"], "live", "live", "live"),
        (["export first", "configure here"], "configure", "export", ""),
    ],
    ids=str,
)
def test_grants_give_exactly_what_they_say(
    viewer, viewers, recorder, grants, on_recorder, on_first, on_second
):
    viewers.grants.all().delete()
    give_all(viewers, recorder, grants)
    found = {camera.number: rights for camera, rights in camera_rights(viewer, recorder).items()}
    assert recorder_rights(viewer, recorder) == set(on_recorder.split())
    assert found.get(1, set()) == set(on_first.split())
    assert found.get(2, set()) == set(on_second.split())


def test_an_administrator_may_do_everything(owner, recorder):
    assert recorder_rights(owner, recorder) == set(RIGHTS)
    assert set(camera_rights(owner, recorder).values()) == {frozenset(RIGHTS) - {"configure"}}


def test_a_stranger_may_do_nothing(stranger, recorder, cameras):
    assert recorder_rights(stranger, recorder) == set()
    assert camera_rights(stranger, recorder) == {}
    assert not Recorder.objects.visible_to(stranger)
    assert not Camera.objects.visible_to(stranger)


@pytest.mark.parametrize("state", ["invited", "disabled"])
def test_who_is_only_invited_or_disabled_may_do_nothing(viewer, recorder, state):
    """A6"""
    Membership.objects.filter(user=viewer).update(state=state)
    assert camera_rights(viewer, recorder) == {}
    assert not Camera.objects.with_right(viewer, "live")


def test_nobody_may_do_anything_at_a_removed_recorder(owner, viewer, viewers, recorder, cameras):
    give(viewers, "export", camera=cameras[0])
    recorder.removed_at = recorder.registered_at
    recorder.save()
    assert camera_rights(owner, recorder) == camera_rights(viewer, recorder) == {}
    assert not Camera.objects.with_right(viewer, "export")
