"""My Recorders as a list: what is searched, filtered and fetched, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db.models import Exists, F, OuterRef, Prefetch, Q
from django.db.models.functions import Lower

from accounts.models import User
from recorders.models import ONLINE_WITHIN, Camera, Recorder
from recorders.querysets import RecorderQuerySet
from recorders.status import Status, cameras_status

STATES = ("online", "offline")
MAX_SEARCH = 100


@dataclass(frozen=True)
class Row:
    """A recorder as the list shows it."""

    recorder: Recorder
    cameras: Sequence[Camera]
    is_online: bool
    cameras_status: Status


@dataclass(frozen=True)
class Place:
    """A location with its recorders; the name is empty for those without one."""

    name: str
    rows: Sequence[Row]


def find_recorders(user: User, text: str, state: str, now: datetime) -> RecorderQuerySet:
    """Recorders the user sees whose name, location, model or visible camera has the text in it.

    Each comes with the cameras the user sees as `seen_cameras`.
    """
    seen = Camera.objects.visible_to(user).filter(is_present=True).order_by("number")
    found = Recorder.objects.visible_to(user)
    for word in text[:MAX_SEARCH].split():
        has_camera = Exists(seen.filter(recorder=OuterRef("pk"), name__icontains=word))
        found = found.filter(
            Q(name__icontains=word)
            | Q(location__name__icontains=word)
            | Q(model__icontains=word)
            | has_camera
        )
    in_order = (Lower("location__name").asc(nulls_last=True), Lower("name"), F("pk"))
    found = _in_state(found, state, now).select_related("location").order_by(*in_order)
    return found.prefetch_related(Prefetch("cameras", seen, to_attr="seen_cameras"))


def _in_state(found: RecorderQuerySet, state: str, now: datetime) -> RecorderQuerySet:
    online = Q(last_seen_at__gte=now - ONLINE_WITHIN)
    if state == "online":
        return found.filter(online)
    return found.filter(Q(last_seen_at=None) | ~online) if state == "offline" else found


def row_of(recorder: Recorder, cameras: Sequence[Camera], now: datetime) -> Row:
    return Row(recorder, cameras, recorder.is_online(now), cameras_status(cameras))


def by_place(recorders: Sequence[Recorder], now: datetime) -> list[Place]:
    """Groups recorders that are sorted by location."""
    rows = [row_of(recorder, seen_cameras(recorder), now) for recorder in recorders]
    groups = groupby(rows, key=lambda row: row.recorder.location)
    return [Place(place.name if place else "", list(members)) for place, members in groups]


def seen_cameras(recorder: Recorder) -> list[Camera]:
    """What `find_recorders` fetched with it."""
    cameras: list[Camera] = recorder.seen_cameras  # type: ignore[attr-defined]  # Prefetch to_attr
    return cameras
