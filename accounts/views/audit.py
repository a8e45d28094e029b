"""The audit trail: who did what to which thing, from where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.audit import Actor, record
from accounts.audit_files import WRITERS
from accounts.audit_words import action_words, changes, facts
from accounts.forms.audit import AuditFilterForm
from accounts.models import AuditEntry, Organisation
from accounts.permissions import for_administrators
from accounts.querysets import AuditQuerySet
from accounts.views.audit_keeping import attachment, head_of

PAGE_SIZE = 50


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
        "head": head_of(organisation),
        "lines": _lines(page[:PAGE_SIZE]),
        "older": _address(request, page[PAGE_SIZE - 1]) if len(page) > PAGE_SIZE else "",
        "newest": _address(request, None) if before else "",
        "query": _address(request, None),
        "is_filtered": any(request.GET.get(field.name) for field in form.visible_fields()),
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
    return attachment(answer, organisation, f"audit.{kind}")


def _entries(request: HttpRequest, organisation: Organisation) -> AuditQuerySet:
    entries: AuditQuerySet = AuditEntry.objects.visible_to(request.user)
    return entries.filter(organisation=organisation)


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
