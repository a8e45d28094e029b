"""My Recorders as a list: what is searched, filtered and fetched, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db.models import Count, F, Q
from django.db.models.functions import Lower

from accounts.models import User
from recorders.models import ONLINE_WITHIN, Camera, Recorder
from recorders.querysets import CameraQuerySet, RecorderQuerySet
from recorders.status import HEALTHY, Status, cameras_status, has_problem
from recorders.words import at_place, words_of

STATES = ("online", "offline")


@dataclass(frozen=True)
class CameraCount:
    """How many cameras of a recorder somebody sees, and how many of these have a problem."""

    cameras: int = 0
    problems: int = 0


@dataclass(frozen=True)
class Row:
    """A recorder as the list shows it."""

    recorder: Recorder
    is_online: bool
    cameras_status: Status


@dataclass(frozen=True)
class Place:
    """A location with its recorders; the name is empty for those without one."""

    name: str
    rows: Sequence[Row]


def find_recorders(user: User, text: str, state: str, now: datetime) -> RecorderQuerySet:
    """Recorders the user sees whose name, location, model or visible camera has the text in it."""
    found = Recorder.objects.visible_to(user)
    words = words_of(text)
    seen = _seen(user) if words else Camera.objects.none()
    for word in words:
        found = found.filter(
            at_place(word)
            | Q(model__icontains=word)
            | Q(pk__in=seen.filter(name__icontains=word).values("recorder"))
        )
    in_order = (Lower("location__name").asc(nulls_last=True), Lower("name"), F("pk"))
    return _in_state(found, state, now).select_related("location").order_by(*in_order)


def recorders_of(ids: Sequence[UUID]) -> list[Recorder]:
    """In the same order, with their locations."""
    found = Recorder.objects.select_related("location").in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def camera_counts(user: User, recorders: Sequence[Recorder]) -> Mapping[UUID, CameraCount]:
    """Of the cameras that the user sees, for each of the recorders."""
    ids = [recorder.pk for recorder in recorders]
    seen = _seen(user).filter(recorder__in=ids)
    counted = (
        seen.order_by()
        .values("recorder")
        .annotate(cameras=Count("pk"), problems=Count("pk", filter=~Q(state__in=HEALTHY)))
    )
    found = {row["recorder"]: CameraCount(row["cameras"], row["problems"]) for row in counted}
    return {pk: found.get(pk, CameraCount()) for pk in ids}


def count_of(cameras: Iterable[Camera]) -> CameraCount:
    problems = [has_problem(camera) for camera in cameras]
    return CameraCount(len(problems), sum(problems))


def _seen(user: User) -> CameraQuerySet:
    return Camera.objects.visible_to(user).filter(is_present=True)


def _in_state(found: RecorderQuerySet, state: str, now: datetime) -> RecorderQuerySet:
    online = Q(last_seen_at__gte=now - ONLINE_WITHIN)
    if state == "online":
        return found.filter(online)
    return found.filter(Q(last_seen_at=None) | ~online) if state == "offline" else found


def row_of(recorder: Recorder, count: CameraCount, now: datetime) -> Row:
    status = cameras_status(count.cameras, count.problems)
    return Row(recorder, recorder.is_online(now), status)


def by_place(
    recorders: Sequence[Recorder], counts: Mapping[UUID, CameraCount], now: datetime
) -> list[Place]:
    """Groups recorders that are sorted by location."""
    rows = [row_of(recorder, counts[recorder.pk], now) for recorder in recorders]
    groups = groupby(rows, key=lambda row: row.recorder.location)
    return [Place(place.name if place else "", list(members)) for place, members in groups]
