"""The preflight of a recorder: started, watched, read, copied."""

from __future__ import annotations

from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.doors import configurable_recorder
from recorders.models import Recorder
from recorders.preflight import as_text, grouped, summary
from recorders.refreshing import part, refreshed, reload_when_signed_out
from recorders.services.network import stun_servers
from streaming.preflight import service

_PART = "recorders/_preflight.html"
_REFRESH_S = 2


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@csp_update({"connect-src": ["ws:", "wss:"]})  # type: ignore[arg-type]  # its stubs know no arguments
def preflight_page(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = configurable_recorder(request, recorder_id)
    if request.method == "POST":
        service.start(recorder, person_of(request), Actor.of(request), timezone.now())
        return redirect("preflight", recorder.pk)
    context = {
        "recorder": recorder,
        "result": part(request, _url(recorder), _PART, _context(recorder), _REFRESH_S),
        "stun": " ".join(f"stun:{server}" for server in stun_servers()),
        "relay": _relay_socket(request, recorder),
    }
    return render(request, "recorders/preflight.html", context)


@reload_when_signed_out
@require_safe
def preflight_part(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = configurable_recorder(request, recorder_id)
    return refreshed(request, _url(recorder), _PART, _context(recorder), _REFRESH_S)


def _url(recorder: Recorder) -> str:
    return reverse("preflight-part", args=[recorder.pk])


def _context(recorder: Recorder) -> dict[str, object]:
    now = timezone.now()
    found = service.newest(recorder, now)
    rows = found.rows if found else []
    return {
        "recorder": recorder,
        "preflight": found,
        "groups": grouped(rows),
        "summary": summary(rows),
        "text": as_text(rows),
        "is_online": recorder.is_online(now),
    }


def _relay_socket(request: HttpRequest, recorder: Recorder) -> str:
    """Where this browser's own video session would go."""
    scheme = "https" if settings.IS_HTTPS else "http"
    own = f"{scheme}://{request.get_host()}"
    base = own if settings.IS_RELAY_EMBEDDED else settings.CONTERA_RELAY_URLS[0]
    return f"ws{base.removeprefix('http')}/relay/v1/recorders/{recorder.pk}/session"
