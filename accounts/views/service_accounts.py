"""The services of an organisation, and their tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.api_tokens import issue_api_token, withdraw_api_token
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.refusals import accepts
from accounts.forms.service_accounts import ServiceForm
from accounts.forms.tokens import TokenForm
from accounts.models import Membership, Organisation
from accounts.permissions import for_administrators
from accounts.service_accounts import add_service, remove_service

PAGE_SIZE = 50


@require_safe
@for_administrators
def service_list(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    wanted = request.GET.get("q", "").strip()[:100]
    found = _visible(request, organisation).search(wanted).prefetch_related("groups")
    found = found.prefetch_related("user__api_tokens").order_by("name", "pk")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "accounts/services.html", {"page": page, "wanted": wanted})


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def add(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = ServiceForm(organisation, request.POST or None)
    if form.is_valid():
        try:
            made = add_service(
                organisation,
                form.cleaned_data["name"],
                form.cleaned_data["groups"],
                Actor.of(request),
            )
        except NotPossible as error:
            form.add_error("name", error.message)
        else:
            messages.success(request, f"{made} is there. Give it a token now.")
            return redirect("service", made.user_id)
    return render(request, "accounts/service_add.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def service(request: HttpRequest, organisation: Organisation, service_id: UUID) -> HttpResponse:
    membership = _find(request, organisation, service_id)
    initial = {"name": membership.name, "groups": membership.groups.all()}
    form = ServiceForm(organisation, request.POST or None, initial=initial)
    if form.is_valid() and accepts(form, lambda: _save(request, membership, form)):
        messages.success(request, "Saved.")
        return redirect("service", service_id)
    return _page(request, membership, form=form)


@transaction.atomic
def _save(request: HttpRequest, membership: Membership, form: ServiceForm) -> None:
    actor = Actor.of(request)
    services.rename_person(membership, form.cleaned_data["name"], actor)
    services.set_groups(membership, form.cleaned_data["groups"], actor)


@require_POST
@for_administrators
def set_state(request: HttpRequest, organisation: Organisation, service_id: UUID) -> HttpResponse:
    """`state=disabled` or `state=active`."""
    membership = _find(request, organisation, service_id)
    is_disabling = request.POST.get("state") == Membership.State.DISABLED
    change = services.disable_person if is_disabling else services.enable_person
    try:
        change(membership, Actor.of(request))
    except NotPossible as error:
        messages.error(request, error.message)
    return redirect("service", service_id)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def remove(request: HttpRequest, organisation: Organisation, service_id: UUID) -> HttpResponse:
    membership = _find(request, organisation, service_id)
    if request.method == "POST":
        remove_service(membership, Actor.of(request))
        messages.success(request, f"{membership} is removed, with its tokens.")
        return redirect("services")
    return render(request, "accounts/service_remove.html", {"membership": membership})


@require_POST
@for_administrators
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth ships no types
@sensitive_variables("key")
def add_token(request: HttpRequest, organisation: Organisation, service_id: UUID) -> HttpResponse:
    """The key is in this one answer and nowhere else."""
    membership = _find(request, organisation, service_id)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, membership, token_form=form)
    wanted = form.wanted(organisation=organisation)
    try:
        token, key = issue_api_token(membership.user, wanted, Actor.of(request), timezone.now())
    except NotPossible as error:
        form.add_error(None, error.message)
        return _page(request, membership, token_form=form)
    back = reverse("service", args=[service_id])
    facts = {"token": token, "key": key, "back": back, "service": membership}
    return render(request, "accounts/token_created.html", facts)


@require_POST
@for_administrators
def withdraw_token(
    request: HttpRequest, organisation: Organisation, service_id: UUID, service_token_id: UUID
) -> HttpResponse:
    membership = _find(request, organisation, service_id)
    token = get_object_or_404(membership.user.api_tokens, pk=service_token_id)
    withdraw_api_token(token, Actor.of(request))
    messages.success(request, f"The token of {token.name} no longer works.")
    return redirect("service", service_id)


def _page(request: HttpRequest, membership: Membership, **forms: Any) -> HttpResponse:
    initial = {"name": membership.name, "groups": membership.groups.all()}
    context = {
        "membership": membership,
        "form": ServiceForm(membership.organisation, initial=initial),
        "token_form": TokenForm(),
        "tokens": membership.user.api_tokens.order_by("-created_at"),
        "now": timezone.now(),
        **forms,
    }
    return render(request, "accounts/service.html", context)


def _visible(request: HttpRequest, organisation: Organisation) -> Any:  # a MembershipQuerySet
    mine = Membership.objects.visible_to(request.user).services()
    return mine.filter(organisation=organisation).select_related("user", "organisation")


def _find(request: HttpRequest, organisation: Organisation, service_id: UUID) -> Membership:
    found: Membership = get_object_or_404(_visible(request, organisation), user=service_id)
    return found
