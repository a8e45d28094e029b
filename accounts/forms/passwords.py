"""Forms of the sign-in pages, on top of allauth's."""

from __future__ import annotations

from functools import partial
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.core import context
from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.db import transaction
from django.http import HttpRequest

from accounts import tasks
from accounts.api_tokens import withdraw_all
from accounts.audit import Actor
from accounts.emails import EmailField
from accounts.limits import PASSWORD_MAILS, take
from accounts.models import ApiToken

RULES_IN_WORDS = (
    "At least 10 characters; longer is better than complicated. Not your name or your "
    "organisation's, and none that everybody uses."
)


def _plain(form: forms.Form, **labels: str) -> None:
    """Labels in our words; no placeholders that say the same again; rules in one sentence."""
    for name, field in form.fields.items():
        field.label = labels.get(name, field.label)
        field.widget.attrs.pop("placeholder", None)
    for name in ("password1", "new_password1"):
        if name in form.fields:
            form.fields[name].help_text = RULES_IN_WORDS


MAX_LOGIN = 254


class LoginForm(allauth_forms.LoginForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, login="E-mail address or user name")
        self.fields["login"].max_length = MAX_LOGIN
        self.fields["login"].widget.attrs |= {"autofocus": True, "autocomplete": "username"}


class ChangePasswordForm(allauth_forms.ChangePasswordForm):  # type: ignore[misc]  # as above
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _plain(
            self,
            oldpassword="Current password",
            password1="New password",
            password2="New password, once more",
        )
        tokens = ApiToken.objects.filter(user=self.user).order_by("name")
        if tokens:
            names = ", ".join(token.name for token in tokens)
            self.fields["keep_tokens"] = forms.BooleanField(
                label="Keep my API tokens",
                required=False,
                help_text=f"Otherwise they stop working with the old password: {names}.",
            )

    def save(self) -> None:
        super().save()
        if not self.cleaned_data.get("keep_tokens"):
            withdraw_all(self.user, Actor.of(context.request))


class ResetPasswordKeyForm(allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]  # as above
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, password1="New password", password2="New password, once more")


class ReauthenticateForm(allauth_forms.ReauthenticateForm):  # type: ignore[misc]  # as above
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)


class ResetPasswordForm(forms.Form):
    """Answers the same, and as fast, whoever has the address: the worker looks it up."""

    email = EmailField(label="E-mail address", max_length=254)

    def save(self, request: HttpRequest, **kwargs: object) -> str:  # called by allauth's view
        """More than a few in an hour are not sent, without a word: somebody may play tricks."""
        email: str = self.cleaned_data["email"].lower()
        if take((PASSWORD_MAILS, email)):
            transaction.on_commit(partial(tasks.send_password_reset.delay, email))
        return email


class FirstPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The password of somebody who joins; `save` is not used, the service sets it."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password2"].help_text = ""
        _plain(self, new_password1="Password", new_password2="Password, once more")

    def validate_password_for_user(self, user: Any, password_field_name: str = "") -> None:
        """What is wrong with a password is said where it is typed first (Any: as Django has it)."""
        super().validate_password_for_user(user, "new_password1")
