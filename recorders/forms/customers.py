"""A dealer's new customer."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.emails import EmailField
from accounts.names import NameField


class AddCustomerForm(forms.Form):
    name = NameField(label="Name of the customer", max_length=100)
    email = EmailField(
        label="E-mail address of its first administrator",
        max_length=254,
        help_text="They get a mail with a link to join, and invite everybody else.",
    )
    person_name = NameField(label="Their name", max_length=100, required=False)
    is_dealer = forms.BooleanField(
        label="It is a dealer itself",
        required=False,
        help_text="It may have customers of its own; you manage their recorders too.",
    )

    def __init__(self, *args: Any, may_add_dealers: bool, **kwargs: Any) -> None:
        """Any: Django's form arguments."""
        super().__init__(*args, **kwargs)
        if not may_add_dealers:
            del self.fields["is_dealer"]
