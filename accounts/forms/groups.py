"""Forms about groups."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Group
from accounts.names import NameField


class GroupNameForm(forms.Form):
    name = NameField(label="Name", max_length=100)


class GroupForm(GroupNameForm):
    """What can be changed about a group besides its people and its access; the name of a built-in
    group cannot (Any: Django's form arguments)."""

    requires_mfa = forms.BooleanField(
        label="Require a second factor",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "switch"}),
        help_text="The group counts only for those who signed in with a code or a passkey. Others"
        " are told so, and how to set one up.",
    )

    def __init__(self, group: Group, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"name": group.name, "requires_mfa": group.requires_mfa}
        super().__init__(*args, **kwargs)
        if group.built_in:
            del self.fields["name"]
