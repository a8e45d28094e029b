"""Remote Network Settings of a recorder."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.audit import Actor
from recorders.connection_words import nat_status
from recorders.doors import configurable_recorder, posted
from recorders.forms.network import NetworkForm
from recorders.network_settings import outlook, unreachable_warning
from recorders.services.network import change_settings


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def network_page(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = configurable_recorder(request, recorder_id)
    form = NetworkForm(posted(request), recorder=recorder)
    if form.is_valid():
        change_settings(recorder, form.choice(), Actor.of(request))
        messages.success(request, "Remote Network Settings are saved.")
        return redirect("network", recorder.pk)
    enabled = recorder.network.enabled_paths()
    supported = frozenset(recorder.capabilities)
    context = {
        "recorder": recorder,
        "form": form,
        "outlook": outlook(enabled, supported),
        "is_unreachable": unreachable_warning(enabled, supported) is not None,
        "supported": supported,
        "nat": nat_status(recorder.nat) if recorder.nat else None,
    }
    return render(request, "recorders/network.html", context)
