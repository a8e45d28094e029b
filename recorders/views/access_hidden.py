"""Cameras that a group does not see: Groups → a group → Access → Hidden cameras."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.audit import Actor
from accounts.models import Group, Organisation
from accounts.permissions import for_administrators
from recorders.grants.service import hide, unhide
from recorders.models import Camera
from recorders.views import access_pick
from recorders.views.access import access_context

PAGE_SIZE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def hidden(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    """POST: `camera` is hidden no longer."""
    group = _group(request, organisation, group_id)
    if request.method == "POST":
        camera = _camera(request, organisation)
        unhide(group, camera, Actor.of(request))
        messages.success(request, f"{camera} is hidden no longer.")
        return redirect("group-hidden", group_id)
    found = access_pick.cameras(request, organisation).filter(hidden_from__group=group)
    context = {**access_context(group), **_listed(request, found)}
    return render(request, "recorders/access_hidden.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def add(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    """POST: `camera` is hidden from now on."""
    group = _group(request, organisation, group_id)
    if request.method == "POST":
        camera = _camera(request, organisation)
        hide(group, camera, Actor.of(request))
        messages.success(request, f"{camera} is hidden from {group}.")
        return redirect("group-hidden", group_id)
    found = access_pick.cameras(request, organisation).exclude(hidden_from__group=group)
    context = {**access_context(group), **_listed(request, found)}
    return render(request, "recorders/access_hidden_add.html", context)


def _group(request: HttpRequest, organisation: Organisation, group_id: UUID) -> Group:
    """Any group but Administrators, who see everything."""
    groups = Group.objects.visible_to(request.user).filter(organisation=organisation)
    groups = groups.exclude(built_in=Group.BuiltIn.ADMINISTRATORS)
    found: Group = get_object_or_404(groups.select_related("organisation"), pk=group_id)
    return found


def _camera(request: HttpRequest, organisation: Organisation) -> Camera:
    cameras = Camera.objects.visible_to(request.user).select_related("recorder")
    mine = cameras.filter(recorder__organisation=organisation)
    try:
        found: Camera = get_object_or_404(mine, pk=request.POST.get("camera") or None)
    except ValidationError:
        raise Http404 from None
    return found


def _listed(request: HttpRequest, found: QuerySet[Camera]) -> dict[str, object]:
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return {"page": page, "wanted": " ".join(access_pick.words_asked(request))}
