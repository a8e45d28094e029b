"""Finding what a grant is about: locations, recorders and cameras by words, a few of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.errors import NotPossible
from accounts.models import Organisation
from recorders.forms.access import parse_key
from recorders.grants.values import Scope
from recorders.models import Camera, Location, Recorder
from recorders.words import at_place, of_camera, words_of

SHOWN = 20  # of each kind; who does not find it there adds a word


@dataclass(frozen=True)
class Found:
    """`key` is what recorders.forms.access makes a scope of."""

    key: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class Kind:
    heading: str
    items: Sequence[Found]
    is_more: bool


def words_asked(request: HttpRequest) -> list[str]:
    return words_of(request.GET.get("q", ""))


def cameras(request: HttpRequest, organisation: Organisation) -> QuerySet[Camera]:
    """Those with every word in their name, their recorder's or their location's, in order."""
    found = Camera.objects.visible_to(request.user).filter(
        is_present=True, recorder__organisation=organisation
    )
    for word in words_asked(request):
        found = found.filter(of_camera(word))
    in_order: QuerySet[Camera] = found.order_by("recorder__name", "recorder", "number")
    return in_order.select_related("recorder__location")


def kinds(request: HttpRequest, organisation: Organisation) -> list[Kind]:
    """What was found, of each kind of which there is something."""
    locations = Location.objects.visible_to(request.user).filter(organisation=organisation)
    recorders = Recorder.objects.visible_to(request.user).filter(organisation=organisation)
    for word in words_asked(request):
        locations = locations.filter(name__icontains=word)
        recorders = recorders.filter(at_place(word))
    found = [
        _kind("Locations", locations, "location"),
        _kind("Recorders", recorders.select_related("location"), "recorder"),
        _kind("Cameras", cameras(request, organisation), "camera"),
    ]
    return [kind for kind in found if kind.items]


def scope_of(request: HttpRequest, organisation: Organisation, key: str) -> Scope:
    """The scope of one of these, or of everything; Http404 for what is not of this organisation."""
    try:
        scope = parse_key(key)
    except NotPossible:
        raise Http404 from None
    user = request.user
    if scope.location_id:
        here = Location.objects.visible_to(user).filter(organisation=organisation)
        get_object_or_404(here, pk=scope.location_id)
    if scope.recorder_id:
        recorders = Recorder.objects.visible_to(user).filter(organisation=organisation)
        get_object_or_404(recorders, pk=scope.recorder_id)
    if scope.camera_id:
        seen = Camera.objects.visible_to(user).filter(recorder__organisation=organisation)
        get_object_or_404(seen, pk=scope.camera_id)
    return scope


def note_of(thing: Any) -> str:  # Any: one of the three
    """Where it is."""
    if isinstance(thing, Camera):
        return f"Camera {thing.number} of {thing.recorder}"
    location = getattr(thing, "location", None)
    return location.name if location else ""


def _kind(heading: str, found: QuerySet[Any], kind: str) -> Kind:
    rows = list(found[: SHOWN + 1])
    items = [Found(f"{kind}:{row.pk}", row.name, note_of(row)) for row in rows[:SHOWN]]
    return Kind(heading, items, len(rows) > SHOWN)
