"""What protects one's account: password, authenticator app, passkeys, recovery codes.

The steps are allauth's; the pages are ours. Who was signed in by an organisation's provider changes
nothing here: that provider speaks for its organisation only, not for the account.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.base import views as base_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.totp import views as app_views
from allauth.mfa.webauthn import views as passkey_views
from allauth.mfa.webauthn.internal import flows as passkey_flows
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts import second_factor
from accounts.limits import Limit, take
from accounts.permissions import View, person_of
from accounts.sign_in_limits import site_of

PASSKEY_STARTS = Limit("passkey-starts", 60, 60)  # of an address: each one is a session, so a row
UNFINISHED_S = 600  # how long a sign-in that was begun may take


def for_whole_account(view: View) -> View:
    """For people who showed that the account itself is theirs."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # the view's
        if person_of(request).circumstances.provider_of is not None:
            raise PermissionDenied(
                "You are signed in through your organisation, which looks after your sign-in. "
                "There is nothing to change here."
            )
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@for_whole_account
def security(request: HttpRequest) -> HttpResponse:
    user = person_of(request)
    mine = Authenticator.objects.filter(user=user).order_by("created_at")
    by_type = {kind: [row for row in mine if row.type == kind] for kind in second_factor.Type}
    context = {
        "app": next(iter(by_type[second_factor.Type.TOTP]), None),
        "passkeys": by_type[second_factor.Type.WEBAUTHN],
        "codes_left": second_factor.codes_left(user),
        "waiting": second_factor.waiting_groups(user),
    }
    return render(request, "accounts/security.html", context)


# --- Setting up and removing ----------------------------------------------------------------------


class AddPasskey(passkey_views.AddWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    """One that also signs in by itself, where the key can do that."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # allauth's
        context: dict[str, Any] = super().get_context_data(**kwargs)
        options = context["js_data"]["creation_options"]
        wanted = dict(options["publicKey"])
        wanted["authenticatorSelection"] = {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "preferred",
        }
        context["js_data"]["creation_options"] = {"publicKey": wanted}
        return context

    def form_valid(self, form: Form) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        second_factor.note_shown(self.request, self.request.user, second_factor.Type.WEBAUTHN)
        return response


class ActivateApp(app_views.ActivateTOTPView):  # type: ignore[misc]  # as above
    def form_valid(self, form: Form) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        second_factor.note_shown(self.request, self.request.user, second_factor.Type.TOTP)
        return response


activate_app = for_whole_account(ActivateApp.as_view())
remove_app = for_whole_account(app_views.deactivate_totp)
recovery_codes = for_whole_account(code_views.view_recovery_codes)
new_recovery_codes = for_whole_account(code_views.generate_recovery_codes)
add_passkey = for_whole_account(AddPasskey.as_view())
rename_passkey = for_whole_account(
    passkey_views.EditWebAuthnView.as_view(success_url=reverse_lazy("mfa_index"))
)
remove_passkey = for_whole_account(
    passkey_views.RemoveWebAuthnView.as_view(success_url=reverse_lazy("mfa_index"))
)


# --- Showing one ----------------------------------------------------------------------------------


class SignInWithPasskey(passkey_views.LoginWebAuthnView):  # type: ignore[misc]  # as above
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if take((PASSKEY_STARTS, site_of(request))) is None:
            return render(request, "429.html", status=429)
        request.session.set_expiry(UNFINISHED_S)
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def form_valid(self, form: Form) -> HttpResponse:
        authenticator = form.cleaned_data["credential"]
        login = Login(user=authenticator.user, redirect_url=get_next_redirect_url(self.request))
        done: HttpResponse = passkey_flows.perform_passwordless_login(
            self.request, authenticator, login
        )
        return done


class FreshPasskey(passkey_views.ReauthenticateWebAuthnView):  # type: ignore[misc]  # as above
    def form_invalid(self, form: Form) -> HttpResponse:
        for words in form.errors.get("credential", []):
            messages.error(self.request, str(words))
        query = urlencode({"next": get_next_redirect_url(self.request) or "/account/"})
        return redirect(f"{reverse('mfa_reauthenticate_webauthn')}?{query}")


authenticate = base_views.authenticate
reauthenticate = base_views.reauthenticate
reauthenticate_passkey = FreshPasskey.as_view()
sign_in_passkey = SignInWithPasskey.as_view()
