"""The people of an organisation."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import bulk, invitations, password_links, services
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.people import AddPersonForm, PersonForm
from accounts.forms.refusals import accepts
from accounts.lost_second_factor import may_be_removed
from accounts.models import Membership, Organisation
from accounts.permissions import for_administrators, person_of
from accounts.qr import qr_image

PAGE_SIZE = 50


@require_safe
@for_administrators
def people(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    wanted = request.GET.get("q", "").strip()[:100]
    everybody = (
        Membership.objects.visible_to(request.user).people().filter(organisation=organisation)
    )
    found = everybody.search(wanted).select_related("user").prefetch_related("groups")
    page = Paginator(found.order_by("name", "user__email"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    facts = {"page": page, "wanted": wanted, "actions": bulk.ACTIONS}
    return render(request, "accounts/people.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def add(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = AddPersonForm(organisation, request.POST or None)
    if form.is_valid() and accepts(form, lambda: _add(request, organisation, form)):
        messages.success(request, f"{form.cleaned_data['name']} is invited.")
        mine = organisation.memberships.select_related("user")
        added = next(m for m in mine.order_by("-pk") if m.user.login == form.login)
        return redirect("person", added.user_id)
    return render(request, "accounts/person_add.html", {"form": form})


def _add(request: HttpRequest, organisation: Organisation, form: AddPersonForm) -> None:
    found = form.cleaned_data
    services.add_person(organisation, form.login, found["name"], found["groups"], Actor.of(request))


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def person(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    membership = find_person(request, organisation, user_id)
    initial = {"name": membership.name, "groups": membership.groups.all()}
    form = PersonForm(organisation, request.POST or None, initial=initial)
    if form.is_valid() and accepts(form, lambda: _save(request, membership, form)):
        messages.success(request, "Saved.")
        return redirect("person", user_id)
    link = _link_to_hand_over(membership)
    context = {
        "form": form,
        "membership": membership,
        "link": link,
        "qr": link and qr_image(link),
        "may_hand_over_password": password_links.may_be_handed_over(membership),
        "may_remove_second_factor": may_be_removed(membership, person_of(request)),
        "is_invitation_over": membership.is_invitation_over(timezone.now()),
    }
    return render(request, "accounts/person.html", context)


@transaction.atomic
def _save(request: HttpRequest, membership: Membership, form: PersonForm) -> None:
    actor = Actor.of(request)
    services.rename_person(membership, form.cleaned_data["name"], actor)
    services.set_groups(membership, form.cleaned_data["groups"], actor)


@require_POST
@for_administrators
def set_state(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    """`state=disabled` or `state=active`."""
    membership = find_person(request, organisation, user_id)
    is_disabling = request.POST.get("state") == Membership.State.DISABLED
    change = services.disable_person if is_disabling else services.enable_person
    try:
        change(membership, Actor.of(request))
    except NotPossible as error:
        messages.error(request, error.message)
    return redirect("person", user_id)


@require_POST
@for_administrators
def invite_again(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    membership = find_person(request, organisation, user_id)
    try:
        services.invite_again(membership, Actor.of(request))
    except NotPossible as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{membership} has a new invitation; older links are void.")
    return redirect("person", user_id)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def remove(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    membership = find_person(request, organisation, user_id)
    if request.method == "POST":
        try:
            services.remove_person(membership, Actor.of(request))
        except NotPossible as error:
            messages.error(request, error.message)
            return redirect("person", user_id)
        messages.success(request, f"{membership} no longer belongs to {organisation}.")
        return redirect("people")
    return render(request, "accounts/person_remove.html", {"membership": membership})


def find_person(request: HttpRequest, organisation: Organisation, user_id: UUID) -> Membership:
    people = Membership.objects.visible_to(request.user).people().filter(organisation=organisation)
    found: Membership = get_object_or_404(
        people.select_related("user", "organisation"), user=user_id
    )
    return found


def _link_to_hand_over(membership: Membership) -> str:
    """Only where no mail goes out, and only while the person has not joined."""
    is_mailed = settings.IS_MAIL_CONFIGURED and membership.user.email
    if (
        is_mailed
        or membership.is_invitation_over(timezone.now())
        or membership.state != Membership.State.INVITED
    ):
        return ""
    return invitations.link_of(membership)
