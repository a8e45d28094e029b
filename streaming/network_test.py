"""The result of a Manual NAT test, as part of the page Remote Network Settings."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.audit import Actor
from recorders.doors import configurable_recorder
from recorders.refreshing import reload_when_signed_out
from streaming.manual_nat.probe import Outcome
from streaming.manual_nat.service import NotNow, run_test

_LEVELS = {Outcome.OK: "success", Outcome.REFUSED_ADDRESS: "error"}


@reload_when_signed_out
@require_POST
def network_test(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    """Tests what stands in the fields, saved or not."""
    recorder = configurable_recorder(request, recorder_id)
    port = request.POST.get("manual_nat_port", "").strip()
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else None
    address = request.POST.get("manual_nat_address", "")[:300]
    try:
        report = run_test(recorder, address, number, Actor.of(request))
    except NotNow as error:
        return _part(request, "warning", str(error), [])
    level = _LEVELS.get(report.outcome, "warning")
    return _part(request, level, report.detail, report.hints)


def _part(request: HttpRequest, level: str, detail: str, hints: list[str]) -> HttpResponse:
    context = {"level": level, "detail": detail, "hints": hints}
    return render(request, "recorders/_network_test.html", context)
