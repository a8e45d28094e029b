"""Forms of second factors, on top of allauth's."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.mfa.base import forms as base_forms
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as webauthn_forms
from allauth.mfa.webauthn.internal.auth import parse_authentication_response
from django import forms
from django.core.exceptions import ValidationError

from accounts import second_factor
from accounts.names import NameField

CODE = forms.TextInput(
    attrs={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True, "size": 12}
)
MAX_CODE = 32
MAX_CREDENTIAL = 16_384  # characters; browsers send about 1,500
# What allauth and fido2 raise for JSON that is no credential (tests/accounts/test_passkeys.py).
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError)
NAME_OF_PASSKEY = "Passkey"


class CodeForm(base_forms.AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """A code of the app, or a recovery code."""

    code = forms.CharField(label="Code", max_length=MAX_CODE, widget=CODE)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            found = second_factor.use_code(context.request, self.user, code)
        except second_factor.TooManyTries:
            words = "Too many wrong codes. Wait five minutes, then try again."
            raise ValidationError(words, "too_many") from None
        if found is None:
            raise second_factor.wrong_code()
        found.user = self.user
        self.authenticator = found
        return code


class FreshCodeForm(CodeForm):
    """For somebody who is signed in."""

    def save(self) -> None:
        post_authentication(context.request, self.authenticator, reauthenticated=True)


class ActivateAppForm(totp_forms.ActivateTOTPForm):  # type: ignore[misc]  # as above
    code = forms.CharField(label="Code that the app shows", max_length=MAX_CODE, widget=CODE)

    def clean_code(self) -> str:
        code: str = super().clean_code()
        if not second_factor.is_first_use(self.user, code):
            raise second_factor.wrong_code()
        return code


class _Credential(forms.Form):
    """What a browser answers; anybody may send anything in its place."""

    def clean_credential(self) -> Any:  # JSON, or allauth's authenticator
        credential = self.cleaned_data["credential"]
        if not isinstance(credential, dict) or len(str(credential)) > MAX_CREDENTIAL:
            raise _not_proved()
        try:
            return super().clean_credential()  # type: ignore[misc]  # of the class beside
        except ValidationError:
            raise _not_proved() from None
        except MALFORMED:
            raise _not_proved() from None


def _not_proved() -> ValidationError:
    return ValidationError("This passkey did not prove itself. Try again.", "passkey")


class PasskeyForm(_Credential, webauthn_forms.AuthenticateWebAuthnForm):  # type: ignore[misc]  # as above
    pass


class FreshPasskeyForm(_Credential, webauthn_forms.ReauthenticateWebAuthnForm):  # type: ignore[misc]  # as above
    pass


class SignInPasskeyForm(_Credential, webauthn_forms.LoginWebAuthnForm):  # type: ignore[misc]  # as above
    def clean_credential(self) -> Any:  # as above
        """Alone it must have seen its owner (a finger, a PIN): a key that was found is not enough.
        The session may hold a challenge of another step, for which a touch would do."""
        sent = self.cleaned_data["credential"]
        authenticator = super().clean_credential()
        answer = parse_authentication_response(sent).response
        if not answer.authenticator_data.is_user_verified():
            raise _not_proved()
        return authenticator


class AddPasskeyForm(webauthn_forms.AddWebAuthnForm):  # type: ignore[misc]  # as above
    name = NameField(
        label="Name",
        max_length=60,
        required=False,
        help_text="So that you know it again: “Phone”, “Key on the ring”.",
    )
    passwordless = None  # the key itself says whether it can

    def clean_name(self) -> str:
        return self.cleaned_data.get("name") or NAME_OF_PASSKEY

    def clean(self) -> dict[str, Any]:
        credential = self.cleaned_data.get("credential")
        if not isinstance(credential, dict) or len(str(credential)) > MAX_CREDENTIAL:
            raise _not_proved()
        try:
            cleaned: dict[str, Any] = super().clean()
        except MALFORMED:
            raise _not_proved() from None
        except ValidationError:
            raise _not_proved() from None
        return cleaned


class RenamePasskeyForm(webauthn_forms.EditWebAuthnForm):  # type: ignore[misc]  # as above
    name = NameField(label="Name", max_length=60)
