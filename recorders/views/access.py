"""What a group may do, and where: Groups → a group → Access."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import Group, Organisation
from accounts.permissions import for_administrators
from recorders import access as grants
from recorders.forms import access as matrix
from recorders.models import Camera, Recorder


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def group_access(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    groups = Group.objects.visible_to(request.user).filter(organisation=organisation)
    group = get_object_or_404(groups, pk=group_id, built_in="")
    recorders = _recorders(request, organisation)
    if request.method == "POST":
        try:
            _save(request, group, recorders)
        except NotPossible as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "Saved. It holds at once, also for video that is running.")
        return redirect("group-access", group_id)
    given = grants.grants_of(group)
    context = {
        "group": group,
        "words": matrix.RIGHT_WORDS,
        "everything": matrix.everything_row(given),
        "sections": matrix.sections(recorders, given),
    }
    return render(request, "recorders/access.html", context)


def _recorders(request: HttpRequest, organisation: Organisation) -> Sequence[Recorder]:
    cameras = Camera.objects.visible_to(request.user).filter(is_present=True)
    mine = Recorder.objects.visible_to(request.user).filter(organisation=organisation)
    shown = mine.select_related("location").prefetch_related(
        Prefetch("cameras", cameras, to_attr="shown_cameras")
    )
    return list(shown.order_by("location__name", "name"))


def _save(request: HttpRequest, group: Group, recorders: Sequence[Recorder]) -> None:
    camera_recorder = {
        camera.pk: recorder.pk
        for recorder in recorders
        for camera in recorder.shown_cameras  # type: ignore[attr-defined]  # prefetched above
    }
    after = matrix.merge(
        grants.grants_of(group),
        matrix.parse(request.POST.getlist("grant")),
        {recorder.pk for recorder in recorders},
        camera_recorder,
    )
    grants.set_grants(group, after, Actor.of(request))
