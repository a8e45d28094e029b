"""The sign-in page of one organisation, and the way to it."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.forms.single_sign_on import HandleForm
from accounts.models import Organisation
from accounts.organisations.brands import brand_of
from accounts.single_sign_on import providers


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Asks for the organisation; every name leads to a page, so none tells which there are."""
    form = HandleForm(request.GET or None)
    if form.is_valid():
        return redirect("sign-in-organisation", handle=form.cleaned_data["handle"])
    return render(request, "accounts/sign_in_choose.html", {"form": form})


class EntranceView(LoginView):  # type: ignore[misc]  # allauth ships no types
    """As the plain sign-in page, with the organisation's own way to sign in where it has one."""

    http_method_names = ("get", "head")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # allauth's signature
        known = Organisation.objects.select_related("branding").defer("branding__logo")
        organisation = known.filter(handle=self.kwargs["handle"]).first()
        provider = organisation and providers.provider_of(organisation)
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["sign_on"] = provider if provider and provider.is_enabled else None
        context["entrance_organisation"] = organisation
        context["brand"] = brand_of(organisation)
        return context


entrance = EntranceView.as_view()
