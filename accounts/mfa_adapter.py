"""How allauth's second factors behave here."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from accounts.encrypted import decrypt, encrypt
from accounts.models import User


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages: ClassVar = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This did not work. Try again.",
        "cannot_generate_recovery_codes": "Set up an authenticator app or a passkey first.",
    }

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """The worker sends ours (accounts.sign_ins); Any: allauth's."""

    def get_totp_issuer(self) -> str:
        return f"Contera ({_host()})" if _host() else "Contera"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The portal's own name, whatever name a request came to: a passkey belongs to one."""
        return {"id": _host(), "name": "Contera"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, object]:
        entity: dict[str, object] = super().get_public_key_credential_user_entity(user)
        return {**entity, "name": user.login, "display_name": str(user)}

    def get_totp_label(self, user: User) -> str:
        return user.login


def _host() -> str:
    return urlsplit(settings.CONTERA_BASE_URL).hostname or "localhost"
