"""Forms about oneself."""

from __future__ import annotations

from django import forms


class OwnNameForm(forms.Form):
    name = forms.CharField(label="Your name", max_length=100, required=False)

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())
