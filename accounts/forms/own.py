"""Forms about oneself."""

from __future__ import annotations

from django import forms

from accounts.emails import EmailField
from accounts.names import NameField


class OwnNameForm(forms.Form):
    name = NameField(label="Your name", max_length=100, required=False)


class EmailForm(forms.Form):
    email = EmailField(label="New e-mail address", max_length=254)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()
