"""All organisations to which a person belongs, to switch between them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Membership

PAGE_SIZE = 50


@require_safe
@login_required
def organisations(request: HttpRequest) -> HttpResponse:
    wanted = request.GET.get("q", "").strip()[:100]
    mine: list[Membership] = request.memberships  # type: ignore[attr-defined]  # our middleware's
    words = wanted.casefold().split()
    found = [m for m in mine if all(word in m.organisation.name.casefold() for word in words)]
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "wanted": wanted, "count": len(mine)}
    return render(request, "accounts/organisation_choice.html", context)
