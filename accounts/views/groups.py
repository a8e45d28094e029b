"""Groups and who is in them. What a group may do is the page of the recorders app."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.groups import GroupForm, GroupNameForm
from accounts.forms.refusals import accepts
from accounts.models import Group, Membership, Organisation
from accounts.permissions import for_administrators
from accounts.querysets import MembershipQuerySet

PAGE_SIZE = 50


@require_safe
@for_administrators
def groups(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    wanted = _wanted(request)
    found = Group.objects.visible_to(request.user).filter(organisation=organisation)
    for word in wanted.split():
        found = found.filter(name__icontains=word)
    # The ordering of a model does not reach a query that counts.
    counted = found.annotate(people=Count("memberships")).order_by(*(Group._meta.ordering or ()))
    page = _page(request, counted)
    return render(request, "accounts/groups.html", {"page": page, "wanted": wanted})


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def add(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = GroupNameForm(request.POST or None)
    if form.is_valid() and accepts(form, lambda: _add(request, organisation, form)):
        group = organisation.groups.get(name=form.cleaned_data["name"])
        messages.success(request, f"{group} is there. Now say who is in it, and what they may do.")
        return redirect("group", group.pk)
    return render(request, "accounts/group_add.html", {"form": form})


def _add(request: HttpRequest, organisation: Organisation, form: GroupNameForm) -> None:
    services.create_group(organisation, form.cleaned_data["name"], Actor.of(request))


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def group(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    group = _find(request, organisation, group_id)
    form = GroupForm(group, request.POST if request.method == "POST" else None)
    if form.is_valid() and accepts(form, lambda: _save(request, group, form)):
        messages.success(request, "Saved.")
        return redirect("group", group_id)
    wanted = _wanted(request)
    people = _people(request, organisation).filter(groups=group)
    page = _page(request, people.search(wanted))
    context = {"group": group, "form": form, "page": page, "wanted": wanted}
    return render(request, "accounts/group.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def add_people(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    """People who are not in the group yet, to choose from; POST: `person`, once for each."""
    group = _find(request, organisation, group_id)
    others = _people(request, organisation).exclude(groups=group)
    if request.method == "POST":
        chosen = _chosen(others, request.POST.getlist("person"))
        if chosen:
            services.change_members(group, Actor.of(request), added=chosen)
            messages.success(request, f"{_words(chosen)} in {group} now.")
        return redirect("group", group_id)
    wanted = _wanted(request)
    context = {"group": group, "page": _page(request, others.search(wanted)), "wanted": wanted}
    return render(request, "accounts/group_people.html", context)


@require_POST
@for_administrators
def remove_person(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    """`person` leaves the group."""
    group = _find(request, organisation, group_id)
    members = _people(request, organisation).filter(groups=group)
    gone = _chosen(members, request.POST.getlist("person"))
    try:
        services.change_members(group, Actor.of(request), removed=gone)
    except NotPossible as error:
        messages.error(request, error.message)
    return redirect("group", group_id)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def delete(request: HttpRequest, organisation: Organisation, group_id: UUID) -> HttpResponse:
    group = _find(request, organisation, group_id)
    if request.method != "POST":
        return render(request, "accounts/group_delete.html", {"group": group})
    try:
        services.delete_group(group, Actor.of(request))
    except NotPossible as error:
        messages.error(request, error.message)
        return redirect("group", group_id)
    messages.success(request, f"{group} is gone.")
    return redirect("groups")


@transaction.atomic
def _save(request: HttpRequest, group: Group, form: GroupForm) -> None:
    actor = Actor.of(request)
    if "name" in form.cleaned_data:
        services.rename_group(group, form.cleaned_data["name"], actor)
    services.set_requires_mfa(group, form.cleaned_data["requires_mfa"], actor)


def _find(request: HttpRequest, organisation: Organisation, group_id: UUID) -> Group:
    mine = Group.objects.visible_to(request.user).filter(organisation=organisation)
    found: Group = get_object_or_404(mine.select_related("organisation"), pk=group_id)
    return found


def _people(request: HttpRequest, organisation: Organisation) -> MembershipQuerySet:
    everybody = Membership.objects.visible_to(request.user).filter(organisation=organisation)
    return everybody.select_related("user").order_by("name", "user__email", "pk")


def _chosen(people: MembershipQuerySet, user_ids: Collection[str]) -> list[Membership]:
    """404 for anything that no page of ours sends: somebody who is not among these people."""
    try:
        chosen = list(people.filter(user__in=user_ids))
    except ValidationError:
        raise Http404 from None
    if len(chosen) != len(set(user_ids)):
        raise Http404
    return chosen


def _words(people: Collection[Membership]) -> str:
    return f"{next(iter(people))} is" if len(people) == 1 else f"{len(people)} people are"


def _wanted(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:100]


def _page(request: HttpRequest, found: QuerySet[Any]) -> Page[Any]:  # Any: groups or people
    return Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
