"""What a person may do where: one table, and one property that holds for any grants."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Group, Membership, Organisation, User
from protocol.tokens import RIGHTS
from recorders.models import Camera, Grant, Recorder
from recorders.policy import camera_rights, recorder_rights
from tests.conftest import give, make_recorder

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


def test_a_grant_on_another_organisations_recorder_gives_nothing(stranger, viewers, recorder):
    """A3 of the requirements: even if such a row came to be."""
    elsewhere = Organisation.objects.get(memberships__user=stranger)
    group = Group.objects.create(organisation=elsewhere, name="Spies")
    group.memberships.add(Membership.objects.get(user=stranger))
    give(group, "live", recorder=recorder)
    give(group, "live", camera=recorder.cameras.first())
    assert camera_rights(stranger, recorder) == {}
    assert not Recorder.objects.visible_to(stranger)
    assert not Camera.objects.with_right(stranger, "live")


# --- A9: any people, any groups, any grants -------------------------------------------------------

ORGANISATIONS, RECORDERS, CAMERAS, GROUPS, PEOPLE = 2, 2, 2, 2, 2

memberships = st.fixed_dictionaries(
    {
        "person": st.integers(0, PEOPLE - 1),
        "organisation": st.integers(0, ORGANISATIONS - 1),
        "state": st.sampled_from(["active", "active", "active", "invited", "disabled"]),
        "groups": st.sets(st.integers(0, GROUPS), max_size=2),  # the last one: Administrators
    }
)
grants = st.fixed_dictionaries(
    {
        "organisation": st.integers(0, ORGANISATIONS - 1),
        "group": st.integers(0, GROUPS - 1),
        "right": st.sampled_from(RIGHTS),
        "scope": st.sampled_from(["everything", "recorder", "camera"]),
        # Of any organisation: rows that should not exist must give nothing either.
        "recorder": st.integers(0, ORGANISATIONS * RECORDERS - 1),
        "camera": st.integers(0, CAMERAS - 1),
    }
)


@pytest.fixture
def world(db):
    """Organisations with recorders and groups; people who do not belong anywhere yet."""
    organisations = [Organisation.objects.create(name=f"O{n}") for n in range(ORGANISATIONS)]
    groups = []
    for organisation in organisations:
        plain = [Group(organisation=organisation, name=f"G{n}") for n in range(GROUPS)]
        admins = Group(organisation=organisation, name="Administrators", built_in="administrators")
        groups.append(Group.objects.bulk_create([*plain, admins]))
    recorders = [
        make_recorder(organisation, f"R{n}", CAMERAS)
        for organisation in organisations
        for n in range(RECORDERS)
    ]
    people = [User.objects.create_user(f"p{n}@x.test") for n in range(PEOPLE)]
    return organisations, groups, recorders, people


def populate(world, chosen_memberships, chosen_grants) -> None:
    organisations, groups, recorders, people = world
    Membership.objects.all().delete()
    Grant.objects.all().delete()
    for chosen in chosen_memberships:
        membership, _ = Membership.objects.get_or_create(
            user=people[chosen["person"]],
            organisation=organisations[chosen["organisation"]],
            defaults={"state": chosen["state"]},
        )
        membership.groups.set([groups[chosen["organisation"]][n] for n in chosen["groups"]])
    for chosen in chosen_grants:
        recorder = recorders[chosen["recorder"]]
        camera = recorder.cameras.get(number=chosen["camera"] + 1)
        if chosen["scope"] == "camera" and chosen["right"] == "configure":
            continue
        give(
            groups[chosen["organisation"]][chosen["group"]],
            chosen["right"],
            recorder=recorder if chosen["scope"] == "recorder" else None,
            camera=camera if chosen["scope"] == "camera" else None,
        )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    chosen_memberships=st.lists(memberships, min_size=1, max_size=4),
    chosen_grants=st.lists(grants, max_size=5),
)
def test_lists_and_rights_always_agree_and_stay_in_the_organisation(
    world, chosen_memberships, chosen_grants
):
    """A9: what a list shows, what a page asks and what a token names is the same decision."""
    populate(world, chosen_memberships, chosen_grants)
    *_, recorders, people = world
    for person in people:
        mine = set(Organisation.objects.visible_to(person).values_list("pk", flat=True))
        visible = set(Recorder.objects.visible_to(person))
        listed = {right: set(Camera.objects.with_right(person, right)) for right in RIGHTS}
        for recorder in recorders:
            on_cameras = camera_rights(person, recorder)
            on_recorder = recorder_rights(person, recorder)
            assert recorder.organisation_id in mine or recorder not in visible
            assert recorder in visible or not (on_cameras or on_recorder)
            for right in set(RIGHTS) - {"configure"}:
                allowed = {camera for camera, held in on_cameras.items() if right in held}
                assert allowed == {c for c in listed[right] if c.recorder_id == recorder.pk}
            assert ("configure" in on_recorder) == (
                recorder in Recorder.objects.with_right(person, "configure")
            )
