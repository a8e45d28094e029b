"""Forms about people of an organisation."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.emails import EmailField
from accounts.models import Group, Organisation
from accounts.names import NameField

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")


class PersonForm(forms.Form):
    """Name and groups of a person (Any: Django's form arguments)."""

    name = NameField(
        label="Name", max_length=100, help_text="As your organisation calls this person."
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        label="Groups",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What a person may do comes from groups alone. Without one they see nothing.",
    )

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["groups"].queryset = organisation.groups.all()  # type: ignore[attr-defined]  # a model field


class AddPersonForm(PersonForm):
    """By e-mail address, or by a user name for somebody who has none; `login` is either."""

    email = EmailField(
        label="E-mail address",
        max_length=254,
        required=False,
        help_text="The person signs in with it. They get a mail with a link to join.",
    )
    username = forms.CharField(label="Or a user name, without e-mail", required=False)
    field_order = ("name", "email", "username", "groups")
    login: str

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(organisation, *args, **kwargs)
        self.handle = organisation.handle
        self.fields[
            "username"
        ].help_text = f"Signs in as name@{self.handle}. You get a link to hand over."

    def clean_username(self) -> str:
        """With or without what stands behind the @; empty stays empty."""
        name: str = self.cleaned_data["username"].strip().lower().removesuffix(f"@{self.handle}")
        if name and not USERNAME.fullmatch(name):
            raise ValidationError(
                "2 to 60 letters from a to z, digits, dots, hyphens and underscores, of which the "
                "first is a letter or digit."
            )
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        email, username = cleaned.get("email", ""), cleaned.get("username", "")
        if email and username:
            self.add_error("username", "One of them: an e-mail address or a user name.")
        elif not self.errors and not email and not username:
            self.add_error("email", "Give an e-mail address or, below, a user name.")
        self.login = email.lower() or f"{username}@{self.handle}"
        return cleaned
