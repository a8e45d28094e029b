"""What can this person see? A page and a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.core.paginator import Paginator
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.audit import Actor, record
from accounts.csv_cells import safe_cell
from accounts.models import Membership, Organisation, User
from accounts.permissions import for_administrators
from recorders import policy
from recorders.explain_words import Held, held
from recorders.forms.explain import HowForm
from recorders.grants import OFFERED
from recorders.grants.limits import zone_of
from recorders.models import Camera, Grant, Recorder
from recorders.querysets import RecorderQuerySet
from recorders.views.explain import person_of_organisation
from recorders.words import MAX_TEXT, at_place, words_of

PAGE_SIZE = 25  # recorders
BATCH = 100  # recorders, of the file
HEAD = ["Location", "Recorder", "Camera number", "Camera", *OFFERED, "Limits"]


@dataclass(frozen=True)
class Seen:
    """What somebody has at a recorder: on it as a whole, and at each camera."""

    recorder: Recorder
    whole: Sequence[Held]
    cameras: Sequence[tuple[Camera, Sequence[Held]]]


@require_safe
@for_administrators
def person_access(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    membership = _membership(request, organisation, user_id)
    wanted = request.GET.get("q", "").strip()[:MAX_TEXT]
    reached = _reached(membership, wanted)
    page = Paginator(reached, PAGE_SIZE).get_page(request.GET.get("page"))
    person = HowForm(membership, {}).seen_as()
    context = {
        "membership": membership,
        "groups": membership.groups.all(),
        "page": page,
        "wanted": wanted,
        "seen": list(_seen(person, list(page), timezone.now(), zone_of(organisation.time_zone))),
    }
    return render(request, "recorders/access_person.html", context)


@require_safe
@for_administrators
def person_access_csv(
    request: HttpRequest, organisation: Organisation, user_id: UUID
) -> StreamingHttpResponse:
    """One line for each camera, and for each recorder that can be configured or removed."""
    membership = _membership(request, organisation, user_id)
    record(organisation, Actor.of(request), "person.access_exported", membership.user.login)
    person = HowForm(membership, {}).seen_as()
    found = list(_reached(membership, ""))
    lines = _lines(person, found, timezone.now(), zone_of(organisation.time_zone))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="access.csv"'
    return answer


def _membership(request: HttpRequest, organisation: Organisation, user_id: UUID) -> Membership:
    found = person_of_organisation(request, organisation, str(user_id))
    if found is None:
        raise Http404
    return found


def _reached(membership: Membership, wanted: str) -> RecorderQuerySet:
    """Recorders of the organisation that a group of the person is about, in order."""
    recorders = Recorder.objects.present().filter(organisation=membership.organisation_id)
    groups = membership.groups.all()
    grants = Grant.objects.filter(group__in=groups)
    everything = grants.filter(location=None, recorder=None, camera=None)
    if not groups.exclude(built_in="").exists() and not everything.exists():
        recorders = recorders.filter(
            Q(location__in=grants.values("location"))
            | Q(pk__in=grants.values("recorder"))
            | Q(pk__in=grants.values("camera__recorder"))
        )
    for word in words_of(wanted):
        recorders = recorders.filter(at_place(word))
    in_order = (Lower("location__name").asc(nulls_last=True), Lower("name"), F("pk"))
    found: RecorderQuerySet = recorders.select_related("organisation", "location")
    return found.order_by(*in_order)


def _seen(
    person: User, recorders: Sequence[Recorder], now: datetime, zone: ZoneInfo
) -> Iterator[Seen]:
    for found in policy.explain_many(person, recorders, now):
        cameras = [(camera, held(found, camera, zone)) for camera in found.cameras]
        whole = [part for part in held(found, None, zone) if "configure" in part.rights]
        yield Seen(found.recorder, whole, [(camera, parts) for camera, parts in cameras if parts])


async def _lines(
    person: User, recorders: Sequence[Recorder], now: datetime, zone: ZoneInfo
) -> AsyncIterator[str]:
    """Written while it is read, a batch of recorders at a time."""
    yield _csv([HEAD])
    for first in range(0, len(recorders), BATCH):
        batch = recorders[first : first + BATCH]
        yield await sync_to_async(_text)(person, batch, now, zone)


def _rows(
    person: User, recorders: Sequence[Recorder], now: datetime, zone: ZoneInfo
) -> Iterator[list[str]]:
    for seen in _seen(person, recorders, now, zone):
        location = seen.recorder.location
        place = [location.name if location else "", seen.recorder.name]
        if seen.whole:
            yield _line([*place, "", ""], seen.whole)
        for camera, parts in seen.cameras:
            yield _line([*place, camera.number, camera.name], parts)


def _text(person: User, recorders: Sequence[Recorder], now: datetime, zone: ZoneInfo) -> str:
    return _csv(_rows(person, recorders, now, zone))


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _line(where: Sequence[Any], parts: Sequence[Held]) -> list[str]:
    """`yes`, `limited` or nothing for each right (Any: text and numbers)."""
    given = {right for part in parts if not part.limits for right in part.rights}
    limited = {right for part in parts if part.limits for right in part.rights}
    rights = [
        "yes" if right in given else "limited" if right in limited else "" for right in OFFERED
    ]
    words = "; ".join(f"{part.words}: {', '.join(part.limits)}" for part in parts if part.limits)
    return [safe_cell(str(cell)) for cell in [*where, *rights, words]]
