"""The sign-in page of one organisation, and the way to it."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.forms.single_sign_on import HandleForm
from accounts.models import IdentityProvider, Organisation, User
from accounts.organisations.brands import brand_of
from accounts.single_sign_on import providers
from accounts.single_sign_on.forced import providers_to_use


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Asks for the organisation; every name leads to a page, so none tells which there are."""
    form = HandleForm(request.GET or None)
    if form.is_valid():
        return redirect("sign-in-organisation", handle=form.cleaned_data["handle"])
    return render(request, "accounts/sign_in_choose.html", {"form": form})


@require_safe
def entrance(request: HttpRequest, handle: str) -> HttpResponse:
    """Of everybody who is not signed in, and of who is, but belongs nowhere before they come
    through this provider."""
    known = _known(handle)
    if _waits_for(request.user, known["sign_on"]):
        context = {**known, "redirect_field_value": request.GET.get("next", "")}
        return render(request, "accounts/sign_on_needed.html", context)
    page: HttpResponse = EntranceView.as_view(extra_context=known)(request)
    return page


def _waits_for(user: User | AnonymousUser, provider: IdentityProvider | None) -> bool:
    """By the way they signed in, the person belongs nowhere, and by this provider they would."""
    if provider is None or isinstance(user, AnonymousUser) or not user.is_authenticated:
        return False
    waiting = providers_to_use(user, is_strong=user.circumstances.is_strong)
    return waiting.filter(pk=provider.pk).exists()


class EntranceView(LoginView):  # type: ignore[misc]  # allauth ships no types
    """As the plain sign-in page, with the organisation's own way to sign in where it has one."""

    http_method_names = ("get", "head")


def _known(handle: str) -> dict[str, Any]:  # template values
    """The same shape for every handle, so that none tells which organisations there are."""
    organisations = Organisation.objects.select_related("branding").defer("branding__logo")
    organisation = organisations.filter(handle=handle).first()
    provider = organisation and providers.provider_of(organisation)
    return {
        "sign_on": provider if provider and provider.is_enabled else None,
        "entrance_organisation": organisation,
        "brand": brand_of(organisation),
    }
