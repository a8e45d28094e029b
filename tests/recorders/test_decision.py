"""A9: the decision in SQL and the one that is explained are the same, for any people, groups,
grants, hidden cameras, dealers, consents and circumstances."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.circumstances import CLIENTS, Circumstances
from accounts.models import Consent, Group, IdentityProvider, Membership, Organisation, User
from protocol.tokens import RIGHTS
from recorders.grants.limits import minute_of_week, zone_of
from recorders.models import Camera, Grant, HiddenCamera, Location, Recorder
from recorders.policy import camera_rights, explain, recorder_rights
from recorders.rights import rights_on
from tests.conftest import make_recorder

pytestmark = pytest.mark.django_db

ORGANISATIONS, RECORDERS, CAMERAS, PEOPLE = 2, 2, 2, 2
KINDS = ["", "", "administrators", "managers", "viewers"]
HOUR = timedelta(hours=1)

small = st.integers(0, 1)
maybe_hours = st.sampled_from([None, -2, -1, 1, 2])  # from now
often = st.sampled_from([True, True, True, False])

memberships = st.fixed_dictionaries(
    {
        "person": small,
        "organisation": small,
        "state": st.sampled_from(["active", "active", "active", "active", "invited", "disabled"]),
        "groups": st.sets(st.integers(0, len(KINDS) - 1), min_size=1, max_size=2),
        "left": st.booleans(),  # signed out by an administrator
    }
)
grants = st.fixed_dictionaries(
    {
        "organisation": small,
        "group": small,
        "rights": st.sets(st.sampled_from(RIGHTS), min_size=1, max_size=3),
        "scope": st.sampled_from(["everything", "location", "recorder", "camera"]),
        "recorder": small,
        "camera": small,
        "holds_from": maybe_hours,
        "holds_until": maybe_hours,
        "in_hours": st.sampled_from([None, None, True, False]),
        "clients": st.sets(st.sampled_from(CLIENTS), max_size=1),
        "addresses": st.sampled_from([[], [], ["10.0.0.0/8"], ["2001:db8::/32"]]),
        "footage": st.tuples(maybe_hours, maybe_hours),
    }
)
hides = st.fixed_dictionaries({"organisation": small, "group": small, "recorder": small})
consents = st.fixed_dictionaries(
    {
        "rights": st.sets(st.sampled_from(["live", "playback", "export"])),
        "state": st.sampled_from(["given", "given", "withdrawn"]),
        "starts": st.sampled_from([-2, -1, 1]),
        "ends": st.sampled_from([-1, 1, 2]),
    }
)
rules = st.fixed_dictionaries(
    {
        "mfa": st.sets(st.integers(0, len(KINDS) - 1), max_size=1),
        "forced": st.sampled_from([None, None, 0, 1]),
        "is_dealer": often,
        "has_dealer": often,
    }
)
ways = st.fixed_dictionaries(
    {
        "client": st.sampled_from(["", *CLIENTS]),
        "address": st.sampled_from([None, "10.1.2.3", "2001:db8::1", "192.0.2.1"]),
        "is_strong": st.booleans(),
        "provider_of": st.sampled_from([None, None, 0, 1]),
        "only_organisation": st.sampled_from([None, None, 0, 1]),
        "scopes": st.none() | st.sets(st.sampled_from(["read", *RIGHTS])),
        "signed_in": st.booleans(),
        "as_the_other": st.sampled_from([False, False, True]),
    }
)


class World:
    """Two organisations, the first perhaps the dealer of the second."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.organisations = [Organisation.objects.create(name=f"O{n}") for n in range(2)]
        self.groups = [
            [
                Group.objects.create(organisation=organisation, name=f"G{n}", built_in=kind)
                for n, kind in enumerate(KINDS)
            ]
            for organisation in self.organisations
        ]
        self.recorders = [
            [make_recorder(organisation, f"R{n}", CAMERAS) for n in range(RECORDERS)]
            for organisation in self.organisations
        ]
        self.places = [
            Location.objects.create(organisation=organisation, name="Quay")
            for organisation in self.organisations
        ]
        for place, (first, _) in zip(self.places, self.recorders, strict=True):
            Recorder.objects.filter(pk=first.pk).update(location=place)
        self.people = [User.objects.create_user(f"p{n}@x.test") for n in range(PEOPLE)]

    def at(self, hours: int | None) -> datetime | None:
        return None if hours is None else self.now + hours * HOUR

    def rule(self, chosen: dict[str, Any]) -> None:
        dealer, customer = self.organisations
        Organisation.objects.filter(pk=dealer.pk).update(is_dealer=chosen["is_dealer"])
        mine = dealer if chosen["has_dealer"] else None
        Organisation.objects.filter(pk=customer.pk).update(dealer=mine)
        for group in chain(*self.groups):
            is_asked = KINDS.index(group.built_in) in chosen["mfa"]
            Group.objects.filter(pk=group.pk).update(requires_mfa=is_asked)
        IdentityProvider.objects.all().delete()
        if chosen["forced"] is not None:
            IdentityProvider.objects.create(
                organisation=self.organisations[chosen["forced"]],
                kind="oidc",
                name="P",
                is_enabled=True,
                is_forced=True,
            )

    def join(self, chosen: dict[str, Any]) -> None:
        membership, _ = Membership.objects.get_or_create(
            user=self.people[chosen["person"]],
            organisation=self.organisations[chosen["organisation"]],
            defaults={
                "state": chosen["state"],
                "signed_out_at": self.now if chosen["left"] else None,
            },
        )
        groups = self.groups[chosen["organisation"]]
        membership.groups.set([groups[n] for n in chosen["groups"]])

    def give(self, chosen: dict[str, Any]) -> None:
        recorder = self.recorders[chosen["organisation"]][chosen["recorder"]]
        camera = recorder.cameras.get(number=chosen["camera"] + 1)
        scope = chosen["scope"]
        rights = chosen["rights"] - ({"configure"} if scope == "camera" else set())
        minute = minute_of_week(self.now, zone_of("UTC"))
        inside = [(minute - 60) % 10080, (minute + 60) % 10080]
        hours = {None: [], True: [inside], False: [inside[::-1]]}[chosen["in_hours"]]
        first, last = map(self.at, chosen["footage"])
        if first and last and first >= last:
            first = None
        Grant.objects.create(
            group=self.groups[chosen["organisation"]][chosen["group"]],
            location=self.places[chosen["organisation"]] if scope == "location" else None,
            recorder=recorder if scope == "recorder" else None,
            camera=camera if scope == "camera" else None,
            holds_from=self.at(chosen["holds_from"]),
            holds_until=self.at(chosen["holds_until"]),
            hours=hours,
            clients=sorted(chosen["clients"]),
            addresses=chosen["addresses"],
            is_judged=bool(hours or chosen["clients"] or chosen["addresses"]),
            footage_from=first,
            footage_to=last,
            **{f"may_{right}": True for right in rights},
        )

    def hide(self, chosen: dict[str, Any]) -> None:
        recorder = self.recorders[chosen["organisation"]][chosen["recorder"]]
        HiddenCamera.objects.get_or_create(
            group=self.groups[chosen["organisation"]][chosen["group"]],
            camera=recorder.cameras.get(number=1),
        )

    def consent(self, chosen: dict[str, Any]) -> None:
        Consent.objects.create(
            dealer=self.organisations[0],
            organisation=self.organisations[1],
            state=chosen["state"],
            starts_at=self.at(chosen["starts"]),
            ends_at=self.at(chosen["ends"]),
            reason="",
            **dict.fromkeys(chosen["rights"], True),
        )

    def come(self, person: int, chosen: dict[str, Any]) -> User:
        user = self.people[person]
        ids = [organisation.pk for organisation in self.organisations]
        provider, only = chosen["provider_of"], chosen["only_organisation"]
        user.circumstances = Circumstances(
            client=chosen["client"],
            address=chosen["address"],
            is_strong=chosen["is_strong"],
            signed_in_at=self.now - HOUR if chosen["signed_in"] else None,
            provider_of=None if provider is None else ids[provider],
            only_organisation=None if only is None else ids[only],
            scopes=None if chosen["scopes"] is None else frozenset(chosen["scopes"]),
            viewed_as=self.people[1 - person] if chosen["as_the_other"] else None,
        )
        return user


@pytest.fixture
def world(db: None) -> World:
    return World()


def fill(world: World, **chosen: Any) -> None:
    for model in (Membership, Grant, HiddenCamera, Consent):
        model.objects.all().delete()
    world.rule(chosen["rules"])
    for name, put in [
        ("memberships", world.join),
        ("grants", world.give),
        ("hides", world.hide),
        ("consents", world.consent),
    ]:
        for one in chosen[name]:
            put(one)


def check(world: World, user: User, right: str) -> None:
    """Every list against what is explained of each recorder."""
    recorders = list(Recorder.objects.select_related("organisation"))
    visible, seen = (
        set(model.objects.visible_to(user).values_list("pk", flat=True))
        for model in (Recorder, Camera)
    )
    held = set(Camera.objects.with_right(user, right))
    whole = set(Recorder.objects.with_right(user, right))
    start, end = world.now - 1.5 * HOUR, world.now - 0.5 * HOUR
    covered = set(Camera.objects.with_footage(user, right, start, end))
    many = rights_on(user, recorders)
    for recorder in recorders:
        found = explain(user, recorder)
        assert many[recorder.pk] == found.recorder_rights()
        assert found.allows(right) == (recorder in whole)
        assert recorder.pk in visible or not found.recorder_rights()
        for camera in found.cameras:
            assert recorder.pk in visible or camera.pk not in seen
            assert found.is_listed(camera) == (camera.pk in seen)
            assert found.allows(right, camera) == (camera in held)
            assert found.covers(right, camera, start, end) == (camera in covered)
        person = user.circumstances.viewed_as or user
        mine = set(person.memberships.values_list("organisation", flat=True))
        dealer, customer = (organisation.pk for organisation in world.organisations)
        own = {recorder.organisation_id}
        assert mine & (own | {dealer} if own == {customer} else own) or recorder.pk not in visible


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rules=rules,
    memberships=st.lists(memberships, min_size=1, max_size=4),
    grants=st.lists(grants, max_size=5),
    hides=st.lists(hides, max_size=2),
    consents=st.lists(consents, max_size=2),
    way=ways,
    right=st.sampled_from(RIGHTS),
)
def test_both_forms_agree_and_stay_in_the_organisation(world, way, right, **chosen):
    fill(world, **chosen)
    check(world, world.come(0, way), right)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rules=rules,
    memberships=st.lists(memberships, min_size=1, max_size=3),
    grants=st.lists(grants, max_size=3),
    way=ways,
    added=grants,
)
def test_a_grant_to_another_organisations_group_changes_nothing_here(world, way, added, **chosen):
    """A9"""
    fill(world, **chosen, hides=[], consents=[])
    user = world.come(0, way)
    here = [
        r
        for rs, o in zip(world.recorders, (0, 1), strict=True)
        for r in rs
        if o != added["organisation"]
    ]
    before = [(recorder_rights(user, r), camera_rights(user, r)) for r in here]
    world.give(added)
    assert before == [(recorder_rights(user, r), camera_rights(user, r)) for r in here]
