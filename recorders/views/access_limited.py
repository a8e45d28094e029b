"""Grants with limits: Groups → a group → Access → Limited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.forms.refusals import accepts
from accounts.models import Group, Organisation
from accounts.permissions import for_administrators
from recorders.explain_words import place_words
from recorders.forms.access_limited import (
    HoursFormSet,
    LimitedGrantForm,
    hours_initial,
    hours_of,
    initial_of,
    zone_words,
)
from recorders.grants import service
from recorders.grants.limits import zone_of
from recorders.grants.sentences import limits_words, rights_words
from recorders.grants.values import GrantValue, value_of
from recorders.grants.words import Places
from recorders.models import Grant
from recorders.views import access_pick
from recorders.views.access import access_context, own_group

PAGE_SIZE = 50
NO_LIMIT = "Nothing is limited. What holds always is ticked under Always."


@require_safe
@for_administrators
def limited(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    group = own_group(request, organisation, group_id)
    page = Paginator(_limited(group), PAGE_SIZE).get_page(request.GET.get("page"))
    values = [value_of(grant) for grant in page]
    places, zone = Places.of([value.scope for value in values]), zone_of(organisation.time_zone)
    rows = [
        {
            "grant": grant,
            "what": rights_words(value.rights),
            "where": place_words(value.scope, places.words),
            "limits": limits_words(value.limits, zone),
        }
        for grant, value in zip(page, values, strict=True)
    ]
    context = {**access_context(group), "page": page, "rows": rows}
    return render(request, "recorders/access_limited.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def add(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    """First where, then what: `scope` is in the address once it is chosen."""
    group = own_group(request, organisation, group_id)
    if "scope" not in request.GET:
        found = access_pick.kinds(request, organisation)
        context = {"group": group, "kinds": found, "wanted": request.GET.get("q", "")[:100]}
        return render(request, "recorders/access_limited_where.html", context)
    scope = access_pick.scope_of(request, organisation, request.GET["scope"])
    empty = GrantValue(scope, frozenset())

    def save(value: GrantValue) -> None:
        service.add(group, value, Actor.of(request))

    return _edited(request, group, empty, save)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def change(
    request: HttpRequest, organisation: Organisation, group_id: UUID, grant_id: int
) -> HttpResponse:
    group = own_group(request, organisation, group_id)
    grant = get_object_or_404(_limited(group), pk=grant_id)

    def save(value: GrantValue) -> None:
        service.replace_one(grant, value, Actor.of(request))

    return _edited(request, group, value_of(grant), save, grant)


@require_POST
@for_administrators
def remove(
    request: HttpRequest, organisation: Organisation, group_id: UUID, grant_id: int
) -> HttpResponse:
    group = own_group(request, organisation, group_id)
    service.remove(get_object_or_404(_limited(group), pk=grant_id), Actor.of(request))
    messages.success(request, "Taken back. Video that ran by it stops.")
    return redirect("group-limited", group_id)


def _limited(group: Group) -> Any:  # Any: a queryset
    found = group.grants.exclude(pk__in=group.grants.unlimited())
    return found.select_related("group__organisation").order_by("-created_at", "-pk")


def _edited(
    request: HttpRequest,
    group: Group,
    value: GrantValue,
    save: Callable[[GrantValue], None],
    grant: Grant | None = None,
) -> HttpResponse:
    """The form, or what follows when it was sent; times are those of the organisation."""
    with timezone.override(zone_of(group.organisation.time_zone)):
        posted = request.POST if request.method == "POST" else None
        initial = initial_of(value) if value.rights else None
        form = LimitedGrantForm(value.scope, posted, initial=initial)
        hours = HoursFormSet(posted, initial=hours_initial(value.limits.hours), prefix="hours")
        is_sent = request.method == "POST" and "more_hours" not in request.POST
        if is_sent and _is_saved(form, hours, save):
            messages.success(request, "Saved. It holds at once, also for video that is running.")
            return redirect("group-limited", group.pk)
        context = {
            "group": group,
            "grant": grant,
            "form": form,
            "zone_words": zone_words(),
            "hours": hours if is_sent or posted is None else _with_one_more(request, hours),
            "where": Places.of([value.scope]).words(value.scope),
        }
        return render(request, "recorders/access_limited_form.html", context)


def _is_saved(form: LimitedGrantForm, hours: Any, save: Callable[[GrantValue], None]) -> bool:
    """Any: a formset."""
    if not all([form.is_valid(), hours.is_valid()]):  # both, so that all errors are shown
        return False
    value = form.value(hours_of(hours), timezone.now())
    if value.limits.is_none:
        form.add_error(None, NO_LIMIT)
        return False
    return accepts(form, lambda: save(value))


def _with_one_more(request: HttpRequest, hours: Any) -> Any:  # Any: a formset
    """The same rows and an empty one."""
    data = request.POST.copy()
    data["hours-TOTAL_FORMS"] = str(hours.total_form_count() + 1)
    return HoursFormSet(data, prefix="hours")
