"""The page of one recorder, its name and location, its removal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import Actor
from accounts.models import User
from accounts.permissions import person_of
from protocol.errors import ProtocolError
from protocol.times import parse_time
from recorders.connection_words import (
    methods_words,
    nat_details,
    nat_status,
    proxy_status,
    transport_status,
)
from recorders.doors import (
    configurable_recorder,
    may_configure,
    may_remove,
    posted,
    removable_recorder,
    visible_recorder,
)
from recorders.forms.recorder import RecorderForm, RemoveForm
from recorders.listing import count_of, row_of
from recorders.models import Camera, Location, Recorder
from recorders.policy import camera_rights
from recorders.refreshing import part, refreshed, reload_when_signed_out
from recorders.services.bundle import count_people
from recorders.services.locations import location_named
from recorders.services.recorders import remove, rename_and_move
from recorders.status import clock_status, has_problem, profile_line, state_status

_PART = "recorders/_state.html"


@login_required
@require_safe
def recorder_page(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = visible_recorder(request, recorder_id)
    user, now = person_of(request), timezone.now()
    context = _state(user, recorder, now)
    context["state"] = part(request, _url(recorder), _PART, context)
    if context["may_configure"]:
        context["onsite"] = _onsite(recorder, now)
    return render(request, "recorders/recorder.html", context)


@reload_when_signed_out
@require_safe
def recorder_state(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = visible_recorder(request, recorder_id)
    context = _state(person_of(request), recorder, timezone.now())
    return refreshed(request, _url(recorder), _PART, context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_recorder(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = configurable_recorder(request, recorder_id)
    place = recorder.location.name if recorder.location else ""
    known = Location.objects.visible_to(person_of(request))
    form = RecorderForm(
        posted(request),
        initial={"name": recorder.name, "location": place},
        locations=known.filter(organisation=recorder.organisation_id),
    )
    if not form.is_valid():
        return render(request, "recorders/edit.html", {"recorder": recorder, "form": form})
    location = location_named(recorder.organisation, form.cleaned_data["location"])
    rename_and_move(recorder, form.cleaned_data["name"], location, Actor.of(request))
    messages.success(request, "Name and location are saved.")
    return redirect("recorder", recorder.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_recorder(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = removable_recorder(request, recorder_id)
    form = RemoveForm(posted(request), recorder=recorder)
    if not form.is_valid():
        return render(request, "recorders/remove.html", {"recorder": recorder, "form": form})
    remove(recorder, Actor.of(request), timezone.now())
    messages.success(request, f"{recorder.name} is removed.")
    return redirect("recorders")


def _url(recorder: Recorder) -> str:
    return reverse("recorder-state", args=[recorder.pk])


def _state(user: User, recorder: Recorder, now: datetime) -> dict[str, Any]:  # Any: template values
    rights = camera_rights(user, recorder)
    cameras = sorted(rights, key=lambda camera: camera.number)
    return {
        "recorder": recorder,
        "row": row_of(recorder, count_of(cameras), now),
        "cameras": [_camera(camera, rights[camera]) for camera in cameras],
        "live_ids": _ids(rights, "live"),
        "recorded_ids": _ids(rights, "playback"),
        "clock": clock_status(recorder.clock_offset_s),
        "storage": _storage(recorder),
        "may_configure": may_configure(user, recorder),
        "may_remove": may_remove(user, recorder),
        "connection": _connection(recorder),
    }


def _ids(rights: dict[Camera, frozenset[str]], right: str) -> str:
    """Up to 16 cameras for a link to video: more do not fit on a screen."""
    cameras = sorted(rights, key=lambda camera: camera.number)
    return ",".join(str(camera.pk) for camera in cameras if right in rights[camera])[: 16 * 37 - 1]


def _camera(camera: Camera, rights: frozenset[str]) -> dict[str, Any]:  # Any: template values
    profiles = [
        (name.upper(), words)
        for name, profile in sorted(camera.profiles.items())
        if (words := profile_line(profile, camera.state))
    ]
    return {
        "camera": camera,
        "status": state_status(camera.state),
        "detail": camera.detail if has_problem(camera) else "",
        "profiles": profiles,
        "rights": rights,
    }


def _connection(recorder: Recorder) -> dict[str, Any]:  # Any: template values
    return {
        "methods": methods_words(recorder.capabilities),
        "nat": nat_status(recorder.nat),
        "nat_details": nat_details(recorder.nat),
        "transport": transport_status(recorder.relay_transport),
        "proxy": proxy_status(recorder.proxy),
    }


def _onsite(recorder: Recorder, now: datetime) -> dict[str, Any]:  # Any: template values
    """Until when people can sign in there, were the portal away from its last heartbeat on."""
    last_seen = recorder.last_seen_at or recorder.registered_at
    hours = recorder.organisation.onsite_hours
    until = last_seen + timedelta(hours=hours)
    people = count_people(recorder, now) if until > now else 0
    return {"hours": hours, "until": until, "is_over": until <= now, "people": people}


def _storage(recorder: Recorder) -> dict[str, Any] | None:  # Any: template values
    storage = recorder.storage
    if not storage.get("capacity_bytes"):
        return None
    used, capacity = storage["used_bytes"], storage["capacity_bytes"]
    return {
        "used": used,
        "capacity": capacity,
        "percent": min(100, used * 100 // capacity),
        "oldest": _time(storage.get("oldest")),
    }


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ProtocolError:
        return None
