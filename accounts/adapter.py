"""How allauth behaves here: accounts are made by administrators, never by sign-up."""

from __future__ import annotations

import time
from typing import Any, ClassVar
from urllib.parse import urlencode

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from accounts import known_browsers, second_factor, sign_in_limits
from accounts.client_address import client_address
from accounts.models import User
from accounts.single_sign_on.forced import provider_to_use

NO_ADDRESS = "0.0.0.0"  # behind a unix socket, without a proxy that is trusted


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The name and the password do not match.",
        "username_password_mismatch": "The name and the password do not match.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your current password.",
        "too_many_login_attempts": "Too many attempts. Wait five minutes, then try again.",
        "rate_limited": "Too many attempts. Wait five minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    # --- Passwords --------------------------------------------------------------------------------

    @sensitive_variables("credentials")
    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Also finds a disabled person, whom `pre_login` turns away. Raises ValidationError when
        there were too many wrong tries (Any: allauth's)."""
        login = credentials.get("email") or credentials.get("username") or ""
        counted = sign_in_limits.consume(request, login)
        if counted is None:
            raise self.validation_error("too_many_login_attempts")
        user = authenticate(request, login=login, password=credentials.get("password", ""))
        if isinstance(user, User):
            counted.give_back()
            return user
        return None

    def reauthenticate(self, user: User, password: str) -> bool:
        found = self.authenticate(context.request, username=user.login, password=password)
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """A sign-in of the last minutes is as fresh as a password typed again."""
        request = context.request
        records = get_authentication_records(request, request.user)
        last = max((record["at"] for record in records), default=0.0)
        return bool(time.time() - last >= app_settings.REAUTHENTICATION_TIMEOUT)

    # --- Signing in -------------------------------------------------------------------------------

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        """Whoever waits for a second factor, or has to come through an organisation's provider, is
        told so first (Any: allauth's)."""
        response: HttpResponse = super().post_login(request, user, **how)
        site = sign_in_limits.site_of(request)
        known_browsers.remember(request, response, user.login, site)
        if second_factor.must_be_set_up(request, user):
            response["Location"] = reverse("mfa_index")
        elif not response["Location"].startswith(reverse("sign-in-choose")):  # connects an account
            self._lead_to_provider(request, user, response)
        return response

    def _lead_to_provider(self, request: HttpRequest, user: User, response: HttpResponse) -> None:
        is_strong = second_factor.is_strong(request, user)
        if provider := provider_to_use(user, is_strong=is_strong):
            entrance = reverse("sign-in-organisation", args=[provider.organisation.handle])
            response["Location"] = f"{entrance}?{urlencode({'next': response['Location']})}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/account/"

    def is_safe_url(self, url: str) -> bool:
        """A page that was never ours leads nowhere; allauth does not expect broken addresses."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:  # `http://[`
            return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """What rate limits count by and the list of sessions shows: as in the audit trail."""
        return client_address(request) or NO_ADDRESS

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """The worker sends ours (accounts.sign_ins); Any: allauth's."""
