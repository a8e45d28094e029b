"""Add recorder: a one-time code, shown once, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.doors import configurable_organisation, posted
from recorders.forms.recorder import AddRecorderForm
from recorders.models import Recorder, RegistrationCode
from recorders.refreshing import part, refreshed, reload_when_signed_out
from recorders.services.locations import location_named
from recorders.services.registration import make_registration_code

_PART = "recorders/_code_state.html"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_recorder(request: HttpRequest) -> HttpResponse:
    organisation = configurable_organisation(request)
    form = AddRecorderForm(posted(request), locations=organisation.locations.all())
    if not form.is_valid():
        return render(request, "recorders/add.html", {"form": form})
    now = timezone.now()
    location = location_named(organisation, form.cleaned_data["location"])
    row, code = make_registration_code(
        organisation,
        person_of(request),
        form.cleaned_data["name"],
        location,
        Actor.of(request),
        now,
    )
    command = f"python -m cmr enrol --portal {settings.CONTERA_BASE_URL} --code {code}"
    state = part(request, _url(row), _PART, _state(request, row, now))
    context = {"code": code, "command": command, "row": row, "state": state}
    return render(request, "recorders/code.html", context)


@reload_when_signed_out
@require_safe
def code_state(request: HttpRequest, code_id: UUID) -> HttpResponse:
    codes = RegistrationCode.objects.visible_to(person_of(request))
    row = get_object_or_404(codes, pk=code_id)
    return refreshed(request, _url(row), _PART, _state(request, row, timezone.now()))


def _url(row: RegistrationCode) -> str:
    return reverse("registration-code-state", args=[row.pk])


def _state(request: HttpRequest, row: RegistrationCode, now: datetime) -> dict[str, Any]:
    seconds = max(0, int((row.expires_at - now).total_seconds()))
    recorders = Recorder.objects.visible_to(person_of(request))
    recorder = recorders.filter(pk=row.recorder_id).first() if row.recorder_id else None
    return {
        "row": row,
        "recorder": recorder,
        "is_online": bool(recorder and recorder.is_online(now)),
        "is_expired": seconds == 0,
        "left": _left(seconds),
    }


def _left(seconds: int) -> str:
    """In steps that change seldom: the part stays calm."""
    if seconds >= 120:
        return f"{seconds // 60} minutes"
    return "2 minutes" if seconds >= 60 else "less than a minute"
