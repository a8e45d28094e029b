"""The organisation of an administrator: its settings, its brand, its dealer."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.organisation import BrandingForm, OrganisationForm
from accounts.forms.refusals import accepts
from accounts.models import Branding, Consent, Organisation
from accounts.organisations import branding as brand_changes
from accounts.organisations.brands import brand_of
from accounts.organisations.dealers import end_relation
from accounts.organisations.outsiders import dealers_of
from accounts.organisations.settings import change_settings
from accounts.permissions import for_administrators


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def settings_page(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = OrganisationForm(organisation, request.POST or None)
    if form.is_valid():
        found = form.cleaned_data
        change_settings(organisation, found["name"], found["time_zone"], Actor.of(request))
        messages.success(request, "Saved.")
        return redirect("organisation")
    consents = Consent.objects.visible_to(request.user).filter(organisation=organisation)
    context = {
        "form": form,
        "dealers": dealers_of(organisation),
        "consents_in_force_count": consents.in_force(timezone.now()).count(),
        "consents_asked": consents.filter(state=Consent.State.REQUESTED).count(),
    }
    return render(request, "accounts/organisation.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def branding(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    row = Branding.objects.filter(organisation=organisation).first() or Branding()
    form = BrandingForm(row, request.POST or None, request.FILES or None)
    if form.is_valid() and accepts(form, lambda: _brand(request, organisation, form)):
        messages.success(request, "Saved.")
        return redirect("organisation-branding")
    context = {"form": form, "shown": brand_of(organisation)}
    return render(request, "accounts/organisation_branding.html", context)


def _brand(request: HttpRequest, organisation: Organisation, form: BrandingForm) -> None:
    found, actor = form.cleaned_data, Actor.of(request)
    if found["logo"] is not None:
        brand_changes.set_logo(organisation, found["logo"], actor)
    elif found.get("remove_logo"):
        brand_changes.remove_logo(organisation, actor)
    wanted = brand_changes.Wanted(
        portal_name=found["portal_name"],
        accent=found["accent"],
        accent_dark=found["accent_dark"],
        support_contact=found["support_contact"],
        sender_name=found["sender_name"],
    )
    for words in brand_changes.set_branding(organisation, wanted, actor):
        messages.warning(request, words)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def leave_dealer(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    dealer = organisation.dealer
    if request.method == "POST":
        try:
            end_relation(organisation, Actor.of(request), timezone.now())
        except NotPossible as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"{dealer} no longer manages {organisation}.")
        return redirect("organisation")
    if dealer is None:
        return redirect("organisation")
    return render(request, "accounts/organisation_leave_dealer.html", {"dealer": dealer})
