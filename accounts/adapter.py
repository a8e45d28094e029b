"""How allauth behaves here: accounts are made by administrators, never by sign-up."""

from __future__ import annotations

from typing import ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts.client_address import client_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The e-mail address and the password do not match.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your current password.",
        "too_many_login_attempts": "Too many attempts. Wait five minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/account/"

    def is_safe_url(self, url: str) -> bool:
        """A page that was never ours leads nowhere; allauth does not expect broken addresses."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:  # `http://[`
            return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """What rate limits count by: the same address as in the audit trail."""
        return client_address(request) or "unknown"
