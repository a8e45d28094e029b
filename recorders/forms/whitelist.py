"""The form that sends a whitelist to an administrator."""

from __future__ import annotations

from django import forms

from accounts.emails import EmailField


class WhitelistMailForm(forms.Form):
    recipient = EmailField(
        max_length=254,
        label="To",
        widget=forms.EmailInput({"autocomplete": "off", "placeholder": "network@example.com"}),
        help_text="The administrator of the network, or of the mail server.",
    )
    message = forms.CharField(
        required=False,
        max_length=2000,
        label="Your message",
        widget=forms.Textarea({"rows": 4}),
        help_text="Stands above the list. Answers go to your own address.",
    )
