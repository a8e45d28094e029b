"""What a group may do without limits, and where: Groups → a group → Access."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import F
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import Group, Organisation
from accounts.permissions import for_administrators, person_of
from recorders.forms import access as matrix
from recorders.grants.plain import Given, grants_of, set_grants
from recorders.grants.values import Scope
from recorders.listing import camera_counts
from recorders.models import Camera, Location, Recorder
from recorders.refreshing import reload_when_signed_out
from recorders.words import at_place, words_of

PAGE_SIZE = 50  # recorders
FEW = 3  # with fewer recorders all cameras fit on the screen


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def group_access(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    group = own_group(request, organisation, group_id)
    if request.method == "POST":
        try:
            _save(request, group)
        except NotPossible as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "Saved. It holds at once, also for video that is running.")
        return redirect(f"{request.path}?{urlencode(_where(request))}")
    given = grants_of(group)
    page = _page(request, organisation)
    context = {
        **access_context(group),
        **_where(request),
        "page": page,
        "columns": matrix.COLUMNS,
        "everything": matrix.everything_row(given),
        "places": _places(request, group, page, given),
    }
    return render(request, "recorders/access.html", context)


@reload_when_signed_out
@require_safe
@for_administrators
def recorder_cameras(
    request: HttpRequest, organisation: Organisation, group_id: UUID, recorder_id: UUID
) -> HttpResponse:
    """The rows of a recorder's cameras, for when somebody unfolds it."""
    group = own_group(request, organisation, group_id)
    recorder = get_object_or_404(_recorders(request, organisation), pk=recorder_id)
    cameras = _cameras(request, [recorder.pk])
    rows = matrix.camera_rows(recorder, cameras, grants_of(group))
    return render(request, "recorders/_access_cameras.html", {"rows": rows})


def own_group(request: HttpRequest, organisation: Organisation, group_id: UUID) -> Group:
    """A group whose grants can be edited; Http404 for others."""
    groups = Group.objects.visible_to(request.user).filter(organisation=organisation, built_in="")
    found: Group = get_object_or_404(groups.select_related("organisation"), pk=group_id)
    return found


def access_context(group: Group) -> dict[str, Any]:  # Any: template values
    """What every page about a group's access shows: its parts, and how much is in each."""
    limited = group.grants.exclude(pk__in=group.grants.unlimited())
    return {
        "group": group,
        "limited_count": limited.count(),
        "hidden_count": group.hidden_cameras.count(),
    }


def _where(request: HttpRequest) -> dict[str, str]:
    """What the page shows, in its address."""
    wanted = {name: request.GET.get(name, "").strip()[:100] for name in ("q", "page", "open")}
    return {name: value for name, value in wanted.items() if value}


def _recorders(request: HttpRequest, organisation: Organisation) -> Any:  # Any: a queryset
    return Recorder.objects.visible_to(request.user).filter(organisation=organisation)


def _cameras(request: HttpRequest, recorders: Collection[UUID]) -> Sequence[Camera]:
    seen = Camera.objects.visible_to(request.user).filter(is_present=True, recorder__in=recorders)
    return list(seen.order_by("recorder", "number"))


def _page(request: HttpRequest, organisation: Organisation) -> Page[Recorder]:
    found = _recorders(request, organisation)
    for word in words_of(request.GET.get("q", "")):
        found = found.filter(at_place(word))
    in_order = (Lower("location__name").asc(nulls_last=True), F("location"), Lower("name"), F("pk"))
    found = found.select_related("location").order_by(*in_order)
    return Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))


def _places(
    request: HttpRequest, group: Group, page: Page[Recorder], given: Collection[Given]
) -> list[matrix.Place]:
    cameras: dict[UUID, list[Camera]] = {}
    for camera in _cameras(request, _opened(request, group, page)):
        cameras.setdefault(camera.recorder_id, []).append(camera)
    counts = camera_counts(person_of(request), list(page))
    places = []
    for location, recorders in groupby(page, key=lambda recorder: recorder.location):
        row = matrix.location_row(location, given) if location else None
        sections = [_section(r, counts[r.pk].cameras, cameras, given) for r in recorders]
        places.append(matrix.Place(row, sections))
    if not page.has_next():
        empty = _empty_locations(request, group.organisation)
        places += [matrix.Place(matrix.location_row(location, given)) for location in empty]
    return places


def _section(
    recorder: Recorder, count: int, cameras: dict[UUID, list[Camera]], given: Collection[Given]
) -> matrix.Section:
    row = matrix.recorder_row(recorder, count, given)
    shown = cameras.get(recorder.pk, [])
    return matrix.Section(
        recorder, row, matrix.camera_rows(recorder, shown, given), is_open=bool(shown)
    )


def _opened(request: HttpRequest, group: Group, page: Page[Recorder]) -> set[UUID]:
    """Recorders whose cameras are shown at once: those asked for, with a tick, or few of them."""
    here = {recorder.pk for recorder in page}
    if len(here) < FEW:
        return here
    ticked = Camera.objects.filter(grants__in=group.grants.unlimited(), recorder__in=here)
    asked = {pk for pk in here if str(pk) == request.GET.get("open")}
    return asked | set(ticked.values_list("recorder", flat=True))


def _empty_locations(request: HttpRequest, organisation: Organisation) -> Sequence[Location]:
    """Those without a recorder so far; what is given there holds for those that come."""
    mine = Location.objects.visible_to(request.user).filter(organisation=organisation)
    for word in words_of(request.GET.get("q", "")):
        mine = mine.filter(name__icontains=word)
    return list(mine.exclude(recorders__in=Recorder.objects.present())[:PAGE_SIZE])


def _save(request: HttpRequest, group: Group) -> None:
    shown = {matrix.parse_key(key) for key in request.POST.getlist("shown")}
    parents = _parents(request, group.organisation, shown)
    before = grants_of(group)
    ticked = matrix.parse_ticks(request.POST.getlist("grant"))
    after = matrix.merge(before, ticked, shown & {matrix.EVERYTHING, *parents}, parents)
    set_grants(group, after, Actor.of(request))


def _parents(
    request: HttpRequest, organisation: Organisation, shown: Collection[Scope]
) -> dict[Scope, Scope]:
    """What covers each of these; those that are not of this organisation are left out."""
    seen = Camera.objects.visible_to(request.user).filter(
        recorder__organisation=organisation, pk__in=[s.camera_id for s in shown if s.camera_id]
    )
    of_camera = {Scope(camera_id=pk): up for pk, up in seen.values_list("pk", "recorder")}
    wanted = {s.recorder_id for s in shown if s.recorder_id} | set(of_camera.values())
    recorders = _recorders(request, organisation).filter(pk__in=wanted)
    locations = Location.objects.visible_to(request.user).filter(
        organisation=organisation, pk__in=[s.location_id for s in shown if s.location_id]
    )
    return {
        **{camera: Scope(recorder_id=recorder) for camera, recorder in of_camera.items()},
        **{Scope(recorder_id=recorder.pk): matrix.chain(recorder)[0] for recorder in recorders},
        **{Scope(location_id=location.pk): matrix.EVERYTHING for location in locations},
    }
