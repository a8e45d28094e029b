"""Forms about API tokens."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.api_tokens import MAX_DAYS, NewToken
from accounts.models import ApiToken
from accounts.scopes import SCOPES

EVERYTHING, SOME = "all", "some"
DAYS = [(1, "One day"), (30, "30 days"), (90, "90 days"), (MAX_DAYS, "One year")]
CLIENTS = {
    ApiToken.Client.PROGRAM: "A program or script",
    ApiToken.Client.VMS: "Video management software",
    ApiToken.Client.MOBILE: "A mobile app",
}


class TokenForm(forms.Form):
    program = forms.CharField(
        label="Name of the program", max_length=100, help_text="So that you know it again later."
    )
    client = forms.ChoiceField(
        label="What it is",
        choices=list(CLIENTS.items()),
        help_text="Limited access may ask for a certain kind.",
    )
    days = forms.TypedChoiceField(label="Works for", choices=DAYS, coerce=int, initial=90)
    extent = forms.ChoiceField(
        label="What it may do",
        choices=[(EVERYTHING, "Everything"), (SOME, "Only what is ticked below")],
        initial=EVERYTHING,
        widget=forms.RadioSelect,
        help_text="Never more than the account that it belongs to.",
    )
    scopes = forms.MultipleChoiceField(
        label="Ticked",
        choices=list(SCOPES.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        is_limited = found.get("extent") == SOME
        if is_limited and not found.get("scopes"):
            self.add_error("scopes", "Tick at least one, or choose “Everything”.")
        if not is_limited and found.get("scopes"):
            self.add_error("extent", "Choose “Only what is ticked”, or take the ticks away.")
        return found

    def wanted(self, **more: Any) -> NewToken:  # fields of NewToken
        found = self.cleaned_data
        scopes = frozenset(found["scopes"]) if found["extent"] == SOME else None
        return NewToken(found["program"], found["days"], scopes, found["client"], **more)
