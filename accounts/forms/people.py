"""Forms about people of an organisation."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Group, Organisation


class PersonForm(forms.Form):
    """Name and groups of a person (Any: Django's form arguments)."""

    name = forms.CharField(
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

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


class AddPersonForm(PersonForm):
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="The person signs in with it. They get a mail with a link to join.",
    )
    field_order = ("name", "email", "groups")
