"""My Recorders."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.permissions import person_of
from recorders.doors import chosen_organisation, may_add_recorders
from recorders.listing import (
    STATES,
    by_place,
    camera_counts,
    find_recorders,
    recorders_of,
)
from recorders.refreshing import part, refreshed, reload_when_signed_out
from recorders.words import MAX_TEXT

PAGE_SIZE = 50
_PART = "recorders/_list.html"


@login_required
@require_safe
def my_recorders(request: HttpRequest) -> HttpResponse:
    context = _context(request)
    context["list"] = part(request, context["url"], _PART, context)
    return render(request, "recorders/list.html", context)


@reload_when_signed_out
@require_safe
def list_part(request: HttpRequest) -> HttpResponse:
    context = _context(request)
    return refreshed(request, context["url"], _PART, context)


def _context(request: HttpRequest) -> dict[str, Any]:  # Any: template values
    user, now = person_of(request), timezone.now()
    text, state = request.GET.get("q", "")[:MAX_TEXT], request.GET.get("state", "")
    state = state if state in STATES else ""
    organisation = chosen_organisation(request)
    customer = organisation if organisation and request.GET.get("customer") else None
    found = find_recorders(user, text, state, now)
    found = found.filter(organisation=organisation) if organisation else found.none()
    # The search is done once, for the count and for the page.
    ids = list(found.values_list("pk", flat=True))
    page = Paginator(ids, PAGE_SIZE).get_page(request.GET.get("page"))
    recorders = recorders_of(list(page.object_list))
    place = {"customer": str(customer.pk)} if customer else {}
    query = {name: value for name, value in (("q", text), ("state", state)) if value}
    return {
        "shown": organisation,
        "may_add": organisation and may_add_recorders(user, organisation),
        "customer": customer,
        "page": page,
        "places": by_place(recorders, camera_counts(user, recorders), now),
        "text": text,
        "state": state,
        "is_filtered": bool(query),
        "links": _links({**place, "q": text}),
        "query": urlencode({**place, **query}),
        "url": f"{reverse('recorders-part')}?{urlencode({**place, **query, 'page': page.number})}",
    }


def _links(query: dict[str, str]) -> list[tuple[str, str, str]]:
    """The choice All, Online, Offline: value, words, address."""
    choices = (("", "All"), ("online", "Online"), ("offline", "Offline"))
    return [(value, words, "?" + urlencode({**query, "state": value})) for value, words in choices]
