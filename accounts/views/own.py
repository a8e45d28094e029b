"""One's own account: name, API tokens, organisation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.api_tokens import issue_api_token, withdraw_api_token
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.own import OwnNameForm
from accounts.forms.tokens import TokenForm
from accounts.middleware import ORGANISATION_KEY
from accounts.models import ApiToken, Organisation, User
from accounts.permissions import person_of


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def account(request: HttpRequest) -> HttpResponse:
    user = person_of(request)
    form = OwnNameForm(request.POST or None, initial={"name": user.name})
    if form.is_valid():
        user.name = form.cleaned_data["name"]
        user.save(update_fields=["name"])
        messages.success(request, "Saved.")
        return redirect("account")
    return _page(request, form=form)


@require_POST
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth ships no types
@sensitive_variables("key")
def add_token(request: HttpRequest) -> HttpResponse:
    """The key is in this one answer and nowhere else, so there is no redirect to another page."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, token_form=form)
    user = person_of(request)
    wanted = form.wanted(
        is_strong=user.circumstances.is_strong,
        by_provider=user.circumstances.provider_of is not None,
        organisation=_only_organisation(user),
    )
    try:
        token, key = issue_api_token(user, wanted, Actor.of(request), timezone.now())
    except NotPossible as error:
        form.add_error(None, error.message)
        return _page(request, token_form=form)
    return render(
        request,
        "accounts/token_created.html",
        {"token": token, "key": key, "back": reverse("account")},
    )


@require_POST
@login_required
def withdraw_token(request: HttpRequest, token_id: UUID) -> HttpResponse:
    tokens = ApiToken.objects.visible_to(person_of(request)).select_related("user")
    token = get_object_or_404(tokens, pk=token_id)
    withdraw_api_token(token, Actor.of(request))
    messages.success(request, f"The token of {token.name} no longer works.")
    return redirect("account")


@require_POST
@login_required
def switch_organisation(request: HttpRequest) -> HttpResponse:
    try:
        wanted = UUID(request.POST.get("organisation", ""))
    except ValueError:
        raise Http404 from None
    mine = Organisation.objects.visible_to(person_of(request))
    organisation = get_object_or_404(mine, pk=wanted)
    request.session[ORGANISATION_KEY] = str(organisation.pk)
    messages.success(request, f"You are in {organisation} now.")
    return redirect("home")


def _only_organisation(user: User) -> Organisation | None:
    """Who was signed in by one organisation's provider gets no token for another one."""
    within = user.circumstances.within
    return Organisation.objects.filter(pk=within).first() if within else None


def _page(request: HttpRequest, **forms: Any) -> HttpResponse:  # forms by name
    context = {
        "form": OwnNameForm(initial={"name": person_of(request).name}),
        "token_form": TokenForm(),
        "tokens": _tokens(request),
        "now": timezone.now(),
        **forms,
    }
    return render(request, "accounts/account.html", context)


def _tokens(request: HttpRequest) -> QuerySet[ApiToken]:
    mine: QuerySet[ApiToken] = ApiToken.objects.visible_to(person_of(request))
    return mine.select_related("organisation").order_by("-created_at")
