"""How long the audit trail is kept, whether it is in order, and a seal to keep elsewhere."""

from __future__ import annotations

from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit_check_jobs
from accounts.audit import Actor
from accounts.audit_retention import set_retention
from accounts.audit_seals import seal_text, take_seal
from accounts.forms.audit import RetentionForm
from accounts.models import AuditHead, Organisation
from accounts.permissions import for_administrators

Answer = TypeVar("Answer", HttpResponse, StreamingHttpResponse)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def keeping(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = RetentionForm(organisation, request.POST or None)
    if request.method == "POST" and form.is_valid():
        set_retention(organisation, form.days, Actor.of(request))
        messages.success(request, "Saved.")
        return redirect("audit-keeping")
    context = {"form": form, "head": head_of(organisation)}
    return render(request, "accounts/audit_keeping.html", context)


@require_POST
@for_administrators
def check(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """A worker checks the chain; the page shows it."""
    audit_check_jobs.ask(organisation, timezone.now())
    return redirect("audit-keeping")


@require_safe
@for_administrators
def state(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """What was found, for the page that waits for it; 204 while that shows it as it is."""
    head = head_of(organisation)
    if head is not None and head.check_step and head.check_step == request.GET.get("shown"):
        return HttpResponse(status=204)
    return render(request, "accounts/_audit_check.html", {"head": head})


@require_POST
@for_administrators
def seal(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    text = seal_text(take_seal(organisation, Actor.of(request), timezone.now()))
    answer = HttpResponse(text, content_type="application/json")
    return attachment(answer, organisation, "audit.seal")


def head_of(organisation: Organisation) -> AuditHead | None:
    return AuditHead.objects.filter(organisation=organisation).first()


def attachment(answer: Answer, organisation: Organisation, name: str) -> Answer:
    today = timezone.now().date().isoformat()
    answer["Content-Disposition"] = f'attachment; filename="{organisation.handle}-{today}-{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
