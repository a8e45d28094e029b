"""Generated data of one large customer: 1,000 recorders, 16,000 cameras, 5,000 people, 200 groups.

Deterministic: the same rows each time, written in bulk, past services and audit trail.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import Group, Membership, Organisation, User
from accounts.services import create_organisation
from incidents.models import Export, Incident, IncidentCamera
from recorders.models import (
    Camera,
    Grant,
    HiddenCamera,
    Location,
    Recorder,
    RemoteNetworkSettings,
)

RECORDERS, CAMERAS_EACH, PEOPLE, GROUPS, LOCATIONS = 1_000, 16, 5_000, 200, 100
GROUPS_OF_A_PERSON = 3
INCIDENTS = 500
BATCH = 2_000
NOBODY = "!"  # no password


@dataclass(frozen=True)
class Population:
    """Who is measured, and what they look at."""

    organisation: Organisation
    people: dict[str, User]  # by what gives them their rights
    group: Group


def populate() -> Population:
    first = create_organisation("Large customer", "admin@large.test")
    Membership.objects.filter(pk=first.pk).update(state=Membership.State.ACTIVE)
    organisation = first.organisation
    places = _locations(organisation)
    recorders = _recorders(organisation, places)
    cameras = _cameras(recorders)
    groups = _groups(organisation)
    _grants(groups, places, recorders, cameras)
    people = _people(organisation, groups)
    _incidents(organisation, first.user, cameras)
    return Population(
        organisation,
        {
            "administrator": first.user,
            "groups with locations": people[0],
            "groups with recorders": people[1],
            "a group with 500 cameras": people[2],
        },
        groups[0],
    )


def _locations(organisation: Organisation) -> list[Location]:
    rows = [Location(organisation=organisation, name=f"Site {n:03}") for n in range(LOCATIONS)]
    return Location.objects.bulk_create(rows)


def _recorders(organisation: Organisation, places: Sequence[Location]) -> list[Recorder]:
    now = timezone.now()
    rows = Recorder.objects.bulk_create(
        Recorder(
            organisation=organisation,
            location=places[n % len(places)],
            name=f"Recorder {n:04}",
            public_key={},
            model="ConteraCMR",
            version="1.0",
            last_seen_at=now + timedelta(hours=1) if n % 10 else now - timedelta(hours=3),
            capabilities=["relay", "lan"],
        )
        for n in range(RECORDERS)
    )
    RemoteNetworkSettings.objects.bulk_create(
        RemoteNetworkSettings(recorder=recorder, relay_region="us-west") for recorder in rows
    )
    return rows


def _cameras(recorders: Sequence[Recorder]) -> list[Camera]:
    profiles = {
        name: {
            "state": "streaming",
            "codec": "avc1.64001f",
            "width": width,
            "height": width * 9 // 16,
            "fps": 15.0,
            "kbps": kbps,
        }
        for name, width, kbps in (("hd", 1920, 5000), ("sd", 640, 500))
    }
    rows = (
        Camera(
            recorder=recorder,
            number=number,
            name=f"Camera {number} of {recorder.name}",
            state="streaming",
            profiles=profiles,
        )
        for recorder in recorders
        for number in range(1, CAMERAS_EACH + 1)
    )
    return Camera.objects.bulk_create(rows, batch_size=BATCH)


def _groups(organisation: Organisation) -> list[Group]:
    rows = [Group(organisation=organisation, name=f"Group {n:03}") for n in range(GROUPS)]
    return Group.objects.bulk_create(rows)


def _grants(
    groups: Sequence[Group],
    places: Sequence[Location],
    recorders: Sequence[Recorder],
    cameras: Sequence[Camera],
) -> None:
    """Most groups have locations, some recorders, a few single cameras; every tenth keeps office
    hours, every fifth hides a few cameras."""
    rights = {"may_live": True, "may_playback": True, "may_export": True}
    rows: list[Grant] = []
    for n, group in enumerate(groups):
        scopes: list[dict[str, object]]
        if n % 3 == 0:
            scopes = [{"location": places[(n + k) % LOCATIONS]} for k in range(3)]
        elif n % 3 == 1:
            scopes = [{"recorder": recorders[(n * 7 + k) % RECORDERS]} for k in range(40)]
        else:
            scopes = [{"camera": cameras[(n * 61 + k) % len(cameras)]} for k in range(500)]
        hours = [[day * 1440 + 480, day * 1440 + 1080] for day in range(7)] if n % 10 == 9 else []
        rows += [_grant(group, rights, hours, scope) for scope in scopes]
    Grant.objects.bulk_create(rows, batch_size=BATCH)
    HiddenCamera.objects.bulk_create(
        HiddenCamera(group=group, camera=cameras[(n * 16 + k) % len(cameras)])
        for n, group in enumerate(groups)
        for k in range(5)
        if n % 5 == 0
    )


def _grant(
    group: Group, rights: dict[str, bool], hours: list[list[int]], scope: dict[str, object]
) -> Grant:
    return Grant(group=group, hours=hours, is_judged=bool(hours), **rights, **scope)


def _people(organisation: Organisation, groups: Sequence[Group]) -> list[User]:
    users = User.objects.bulk_create(
        (
            User(email=f"person{n}@large.test", name=f"Person {n}", password=NOBODY)
            for n in range(PEOPLE - 1)
        ),
        batch_size=BATCH,
    )
    memberships = Membership.objects.bulk_create(
        (Membership(user=user, organisation=organisation, name=user.name) for user in users),
        batch_size=BATCH,
    )
    through = Group.memberships.through
    through.objects.bulk_create(
        (
            through(membership=membership, group=groups[(n + k * 3) % GROUPS])
            for (n, membership), k in itertools.product(
                enumerate(memberships), range(GROUPS_OF_A_PERSON)
            )
        ),
        batch_size=BATCH,
    )
    return users


def _incidents(organisation: Organisation, user: User, cameras: Sequence[Camera]) -> None:
    now = timezone.now()
    rows = Incident.objects.bulk_create(
        Incident(
            organisation=organisation,
            title=f"Incident {n}",
            start=now - timedelta(hours=n + 1),
            end=now - timedelta(hours=n),
            created_by=user,
        )
        for n in range(INCIDENTS)
    )
    IncidentCamera.objects.bulk_create(
        IncidentCamera(incident=incident, camera=cameras[n * 16 + k])
        for n, incident in enumerate(rows)
        for k in range(2)
    )
    Export.objects.bulk_create(
        Export(incident=incident, requested_by=user, state=Export.State.DONE) for incident in rows
    )
