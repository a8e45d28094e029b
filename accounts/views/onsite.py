"""Signing in at recorders while the portal is away: the setting, and one's own code."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import onsite
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.onsite import HoursForm
from accounts.forms.refusals import accepts
from accounts.models import OnsiteSecret, Organisation
from accounts.permissions import for_administrators, person_of


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def hours_page(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = HoursForm(request.POST or None, initial={"hours": organisation.onsite_hours})
    if form.is_valid() and accepts(form, lambda: _set_hours(request, organisation, form)):
        messages.success(request, "Saved. Recorders hear of it within seconds.")
        return redirect("onsite-settings")
    until = timezone.now() + timedelta(hours=organisation.onsite_hours)
    return render(request, "accounts/onsite_settings.html", {"form": form, "until": until})


def _set_hours(request: HttpRequest, organisation: Organisation, form: HoursForm) -> None:
    onsite.set_hours(organisation, form.cleaned_data["hours"], Actor.of(request))


@require_safe
@login_required
def code_page(request: HttpRequest) -> HttpResponse:
    return _code_page(request)


@require_POST
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth ships no types
@sensitive_variables("code")
def new_code(request: HttpRequest) -> HttpResponse:
    """The code is in this one answer and nowhere else, so there is no redirect."""
    try:
        code = onsite.make_code(person_of(request), Actor.of(request), timezone.now())
    except NotPossible as error:
        messages.error(request, error.message)
        return redirect("onsite-code")
    return _code_page(request, code)


@require_POST
@login_required
def withdraw(request: HttpRequest) -> HttpResponse:
    onsite.withdraw_code(person_of(request), Actor.of(request))
    messages.success(request, "The on-site code no longer works.")
    return redirect("onsite-code")


@sensitive_variables("code")
def _code_page(request: HttpRequest, code: str = "") -> HttpResponse:
    user = person_of(request)
    context = {
        "code": code,
        "secret": OnsiteSecret.objects.filter(user=user).defer("root").first(),
        "hours": onsite.longest_hours(user),
        "has_password": user.has_usable_password(),
    }
    return render(request, "accounts/onsite_code.html", context)
