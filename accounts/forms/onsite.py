"""For how long recorders let people sign in without the portal."""

from __future__ import annotations

from django import forms

from accounts.onsite import MAX_HOURS


class HoursForm(forms.Form):
    hours = forms.IntegerField(
        label="Hours without the portal",
        min_value=0,
        max_value=MAX_HOURS,
        help_text=f"0 to {MAX_HOURS}; 24 is usual. 0: nobody signs in at a recorder with a portal"
        " account.",
    )
