"""The audit trail: who did what to which thing, from where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor, record
from accounts.audit_files import WRITERS
from accounts.audit_retention import check, set_retention
from accounts.audit_seals import make_seal, seal_text
from accounts.audit_words import action_words, changes, facts
from accounts.forms.audit import AuditFilterForm, RetentionForm
from accounts.models import AuditEntry, AuditHead, Organisation
from accounts.permissions import for_administrators
from accounts.querysets import AuditQuerySet

PAGE_SIZE = 50

Answer = TypeVar("Answer", HttpResponse, StreamingHttpResponse)


@require_safe
@for_administrators
def audit(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Newest first; `before` is the last line of the page before this one. No line is counted:
    the trail grows for years."""
    form = AuditFilterForm(request.GET)
    found = form.narrow(_entries(request, organisation)).order_by("-number")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(number__lt=int(before))
    page = list(found[: PAGE_SIZE + 1])
    context = {
        "form": form,
        "head": AuditHead.objects.filter(organisation=organisation).first(),
        "lines": _lines(page[:PAGE_SIZE]),
        "older": _address(request, page[PAGE_SIZE - 1]) if len(page) > PAGE_SIZE else "",
        "newest": _address(request, None) if before else "",
        "query": _address(request, None),
        "is_filtered": any(request.GET.get(name) for name in form.fields),
    }
    return render(request, "accounts/audit.html", context)


@require_safe
@for_administrators
def audit_file(
    request: HttpRequest, organisation: Organisation, kind: str
) -> StreamingHttpResponse:
    """All lines that the filters let through; that somebody took them is a line too."""
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        raise Http404("There is no such file.")
    record(
        organisation,
        Actor.of(request),
        "audit.exported",
        organisation,
        file=kind,
        filters=form.asked,
    )
    write, content_type = WRITERS[kind]
    lines = form.narrow(_entries(request, organisation))
    answer = StreamingHttpResponse(write(lines), content_type=content_type)
    return _attachment(answer, organisation, f"audit.{kind}")


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def audit_keeping(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """How long lines are kept, whether they are in order, and a seal to keep elsewhere."""
    form = RetentionForm(organisation, request.POST or None)
    if request.method == "POST" and form.is_valid():
        set_retention(organisation, form.days, Actor.of(request))
        messages.success(request, "Saved.")
        return redirect("audit-keeping")
    head = AuditHead.objects.filter(organisation=organisation).first()
    context = {"form": form, "head": head}
    return render(request, "accounts/audit_keeping.html", context)


@require_POST
@for_administrators
def audit_check(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Checks the chain now."""
    if check(organisation, timezone.now()):
        messages.success(request, "Every line is as it was written.")
    else:
        messages.error(request, "The audit trail is not as it was written.")
    return redirect("audit-keeping")


@require_POST
@for_administrators
def audit_seal(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    record(organisation, Actor.of(request), "audit.sealed", organisation)
    text = seal_text(make_seal(organisation, timezone.now()))
    return _attachment(
        HttpResponse(text, content_type="application/json"), organisation, "audit.seal"
    )


def _entries(request: HttpRequest, organisation: Organisation) -> AuditQuerySet:
    entries: AuditQuerySet = AuditEntry.objects.visible_to(request.user)
    return entries.filter(organisation=organisation)


def _attachment(answer: Answer, organisation: Organisation, name: str) -> Answer:
    today = timezone.now().date().isoformat()
    answer["Content-Disposition"] = f'attachment; filename="{organisation.handle}-{today}-{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _lines(entries: Iterable[AuditEntry]) -> list[dict[str, Any]]:
    return [
        {
            "entry": entry,
            "words": action_words(entry.action),
            "facts": facts(entry.detail),
            "changes": changes(entry.detail),
        }
        for entry in entries
    ]


def _address(request: HttpRequest, last: AuditEntry | None) -> str:
    """The page after `last`, with the same filters."""
    query = request.GET.copy()
    query.pop("before", None)
    if last is not None:
        query["before"] = str(last.number)
    return f"?{query.urlencode()}"
