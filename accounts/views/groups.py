"""Groups and who is in them. What a group may do is the page of the recorders app."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import services
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.groups import GroupNameForm, MembersForm
from accounts.forms.refusals import accepts
from accounts.models import Group, Organisation
from accounts.permissions import for_administrators


@require_safe
@for_administrators
def groups(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    found = Group.objects.visible_to(request.user).filter(organisation=organisation)
    counted = found.annotate(people=Count("memberships"))
    return render(request, "accounts/groups.html", {"groups": counted})


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
    name = GroupNameForm(_post(request, group), initial={"name": group.name})
    members = MembersForm(group, request.POST or None)
    is_complete = members.is_valid() and (group.is_administrators or name.is_valid())
    if is_complete and accepts(members, lambda: _save(request, group, name, members)):
        messages.success(request, "Saved.")
        return redirect("group", group_id)
    context = {"group": group, "name_form": name, "members_form": members}
    return render(request, "accounts/group.html", context)


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


def _post(request: HttpRequest, group: Group) -> QueryDict | None:
    """Administrators keep their name: the page does not ask for it."""
    return None if group.is_administrators else request.POST or None


@transaction.atomic
def _save(request: HttpRequest, group: Group, name: GroupNameForm, members: MembersForm) -> None:
    actor = Actor.of(request)
    if not group.is_administrators:
        services.rename_group(group, name.cleaned_data["name"], actor)
    services.set_members(group, members.cleaned_data["members"], actor)


def _find(request: HttpRequest, organisation: Organisation, group_id: UUID) -> Group:
    mine = Group.objects.visible_to(request.user).filter(organisation=organisation)
    found: Group = get_object_or_404(mine.select_related("organisation"), pk=group_id)
    return found
