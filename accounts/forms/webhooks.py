"""A webhook's address and what it listens to."""

from __future__ import annotations

from django import forms

from accounts.webhooks import EVENTS


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.URLInput(attrs={"placeholder": "https://example.com/contera"}),
        help_text="Of your own server. It gets a signed POST for each event.",
    )
    events = forms.MultipleChoiceField(
        label="Events",
        choices=list(EVENTS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of them, also those that are added later.",
    )


class WebhookChangeForm(WebhookForm):
    is_enabled = forms.BooleanField(
        label="Switched on", required=False, widget=forms.CheckboxInput(attrs={"class": "switch"})
    )
