"""Pages of incidents: list, new, one with its exports, and what people do with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.models import User
from accounts.permissions import person_of
from incidents import estimate, services
from incidents.duration import duration_words
from incidents.forms import IncidentForm, exportable_cameras
from incidents.models import Export, ExportedClip, Incident
from incidents.progress import (
    clip_progress,
    export_status,
    export_trouble,
    total_bytes,
    total_percent,
)
from protocol.errors import ProtocolError
from protocol.times import format_time, parse_time
from recorders.camera_choice import find_cameras
from recorders.words import MAX_TEXT

PER_PAGE = 25
CAMERAS_SHOWN = 50  # of those to choose from; a search finds the others
MAX_CHOSEN = 500
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
USUAL_RANGE = timedelta(minutes=10)  # what the form offers when nothing was marked


@login_required
@require_safe
def incident_list(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:100]
    page = _page(request, _found(person_of(request), words))
    facts = {
        "page": page,
        "wanted": words,
        "rows": [(incident, _newest_status(incident)) for incident in page.object_list],
        "may_export": exportable_cameras(person_of(request)).exists(),
    }
    return render(request, "incidents/list.html", facts)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    if request.method == "POST":
        form = IncidentForm(person, request.POST)
        if form.is_valid() and (incident := _create(request, form)):
            return redirect("incident", incident.pk)
        return render(request, "incidents/new.html", _form_facts(form, {}), status=422)
    offered = _offered(request)
    form = IncidentForm(person, initial=offered)
    return render(request, "incidents/new.html", _form_facts(form, offered))


@login_required
@require_safe
def estimated_size(request: HttpRequest) -> HttpResponse:
    """The part of the form that says how large the export will be."""
    form = IncidentForm(person_of(request), request.GET)
    form.is_valid()
    return render(request, "incidents/_estimate.html", {"estimate": _estimate(form.cleaned_data)})


@login_required
@require_safe
def camera_choices(request: HttpRequest) -> HttpResponse:
    """The part of the form that lists cameras, found by words; chosen ones stay where they are."""
    person, text = person_of(request), request.GET.get("q", "")[:MAX_TEXT]
    ids = [word for word in request.GET.getlist("cameras") if _is_id(word)][:MAX_CHOSEN]
    facts = {**_camera_facts(person, text, ids), "text": text}
    return render(request, "incidents/_camera_choices.html", facts)


@login_required
@require_safe
def detail(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    incident = _incident(request, incident_id)
    may_delete = services.may_delete(person_of(request), incident)
    facts = {**_facts(incident), "may_delete": may_delete}
    return render(request, "incidents/detail.html", facts)


@login_required
@require_safe
def exports(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """The part of the page that changes while an export runs."""
    return render(request, "incidents/_exports.html", _facts(_incident(request, incident_id)))


@login_required
@require_POST
def export_again(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    incident = _incident(request, incident_id)
    try:
        services.request_export(person_of(request), incident, Actor.of(request), timezone.now())
    except services.NotPossible as error:
        messages.error(request, str(error))
    return redirect("incident", incident.pk)


@login_required
@require_POST
def cancel(request: HttpRequest, export_id: UUID) -> HttpResponse:
    export = _export(request, export_id)
    try:
        services.cancel_export(export, Actor.of(request), timezone.now())
    except services.NotPossible as error:
        messages.error(request, str(error))
    return redirect("incident", export.incident_id)


@login_required
@require_POST
def retry(request: HttpRequest, export_id: UUID) -> HttpResponse:
    export = _export(request, export_id)
    try:
        services.retry_export(person_of(request), export, Actor.of(request), timezone.now())
    except services.NotPossible as error:
        messages.error(request, str(error))
    return redirect("incident", export.incident_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    incident = _incident(request, incident_id)
    services.require_deletable(person_of(request), incident)
    if request.method != "POST":
        return render(request, "incidents/delete.html", _facts(incident))
    services.delete_incident(person_of(request), incident, Actor.of(request), timezone.now())
    messages.success(request, f"“{incident.title}” and its exported files were deleted.")
    return redirect("incidents")


def _incident(request: HttpRequest, incident_id: UUID) -> Incident:
    incidents = Incident.objects.visible_to(request.user)
    found = incidents.select_related("organisation", "created_by")
    incident: Incident = get_object_or_404(found, pk=incident_id)
    return incident


def _export(request: HttpRequest, export_id: UUID) -> Export:
    exports = Export.objects.visible_to(request.user).select_related("incident__organisation")
    export: Export = get_object_or_404(exports, pk=export_id)
    return export


def _found(person: User, words: str) -> QuerySet[Incident]:
    incidents = Incident.objects.visible_to(person).search(words)
    found: QuerySet[Incident] = incidents.prefetch_related(
        "cameras", Prefetch("exports", to_attr="all_exports")
    )
    return found


def _page(request: HttpRequest, incidents: QuerySet[Incident]) -> Page[Incident]:
    return Paginator(incidents, PER_PAGE).get_page(request.GET.get("page"))


def _newest_status(incident: Any) -> object:  # Any: an incident with prefetched `all_exports`
    exports = incident.all_exports
    return export_status(exports[0], timezone.now()) if exports else None


def _create(request: HttpRequest, form: IncidentForm) -> Incident | None:
    try:
        wanted = form.wanted()
        return services.create_incident(
            person_of(request), wanted, Actor.of(request), timezone.now()
        )
    except services.NotPossible as error:
        form.add_error("cameras" if error.code == "bad_cameras" else None, str(error))
        return None


def _offered(request: HttpRequest) -> dict[str, Any]:  # initial values of a form
    """What the address asks for; the last ten minutes when it does not say."""
    now = timezone.now().replace(microsecond=0)
    end = _time(request.GET.get("end")) or now
    start = _time(request.GET.get("start")) or max(end, FIRST_MOMENT + USUAL_RANGE) - USUAL_RANGE
    wanted = [word for word in request.GET.get("cameras", "").split(",") if _is_id(word)]
    return {"cameras": wanted, "start": start, "end": end}


def _estimate(data: dict[str, Any]) -> estimate.Estimate | None:  # Any: values of a form
    cameras, start, end = data.get("cameras"), data.get("start"), data.get("end")
    if not (cameras and start and end):
        return None
    seconds = (end - start).total_seconds()
    return estimate.estimate([camera.profiles for camera in cameras], seconds)


def _form_facts(form: IncidentForm, offered: dict[str, Any]) -> dict[str, Any]:
    """`offered` times are in UTC; the page shows them in the reader's zone."""
    ids = [value for value in form["cameras"].value() or () if _is_id(str(value))]
    cameras = _camera_facts(form.user, "", ids)
    marked = {**offered, "cameras": cameras["chosen"]}
    return {
        "form": form,
        "estimate": _estimate(marked if offered else form.cleaned_data),
        "start_utc": format_time(offered["start"]) if offered else "",
        "end_utc": format_time(offered["end"]) if offered else "",
        **cameras,
    }


def _camera_facts(user: User, text: str, ids: Sequence[str]) -> dict[str, Any]:  # template values
    """What is chosen, and the first of the others to choose from."""
    others = find_cameras(user, "export", text).exclude(pk__in=ids)
    found = Paginator(others, CAMERAS_SHOWN).page(1)
    chosen = list(exportable_cameras(user).filter(pk__in=ids))
    has_cameras = bool(chosen or found.paginator.count)
    return {"chosen": chosen, "found": found, "has_cameras": has_cameras}


def _facts(incident: Incident) -> dict[str, Any]:
    now = timezone.now()
    clips = ExportedClip.objects.select_related("camera__recorder")
    found = incident.exports.select_related("requested_by").prefetch_related(
        Prefetch("clips", queryset=clips)
    )
    exports = [_export_facts(export, now) for export in found]
    return {
        "incident": incident,
        "duration": duration_words(incident.end - incident.start),
        "cameras": incident.cameras.select_related("recorder").order_by("recorder__name", "number"),
        "exports": exports,
        "is_active": any(facts["export"].is_unfinished for facts in exports),
    }


def _export_facts(export: Export, now: datetime) -> dict[str, Any]:
    clips = list(export.clips.all())
    return {
        "export": export,
        "status": export_status(export, now),
        "trouble": export_trouble(export),
        "percent": total_percent(clips),
        "size_bytes": total_bytes(clips),
        "clips": [clip_progress(clip, export) for clip in clips],
    }


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text).replace(microsecond=0) if text else None
    except ProtocolError:
        return None


def _is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True
