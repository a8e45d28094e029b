"""Forms about services."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Group, Organisation
from accounts.names import NameField


class ServiceForm(forms.Form):
    """Name and groups (Any: Django's form arguments)."""

    name = NameField(label="Name", max_length=100, help_text="As “Gate terminal” or “Backup”.")
    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        label="Groups",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What a service may do comes from groups alone, and its tokens may cut it. A "
        "group that asks for a second factor gives a service nothing.",
    )

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["groups"].queryset = organisation.groups.all()  # type: ignore[attr-defined]  # a model field
