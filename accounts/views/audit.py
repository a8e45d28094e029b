"""The audit trail: who did what to which thing, from where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.audit_words import action_words, detail_lines
from accounts.forms.audit import AuditFilterForm
from accounts.models import AuditEntry, Organisation
from accounts.permissions import for_administrators

PAGE_SIZE = 50


@require_safe
@for_administrators
def audit(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Newest first; `before` is the last line of the page before this one. No line is counted:
    the trail grows for years."""
    form = AuditFilterForm(organisation, request.GET)
    entries = AuditEntry.objects.visible_to(request.user).filter(organisation=organisation)
    found = form.narrow(entries).order_by("-id")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    page = list(found[: PAGE_SIZE + 1])
    context = {
        "form": form,
        "lines": _lines(page[:PAGE_SIZE]),
        "older": _address(request, page[PAGE_SIZE - 1]) if len(page) > PAGE_SIZE else "",
        "newest": _address(request, None) if before else "",
        "is_filtered": any(request.GET.get(name) for name in form.fields),
    }
    return render(request, "accounts/audit.html", context)


def _lines(entries: Iterable[AuditEntry]) -> list[dict[str, Any]]:
    return [
        {"entry": entry, "words": action_words(entry.action), "facts": detail_lines(entry.detail)}
        for entry in entries
    ]


def _address(request: HttpRequest, last: AuditEntry | None) -> str:
    """The page after `last`, with the same filters."""
    query = request.GET.copy()
    query.pop("before", None)
    if last is not None:
        query["before"] = str(last.pk)
    return f"?{query.urlencode()}"
