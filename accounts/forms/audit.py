"""What to look for in the audit trail."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms

from accounts.audit_words import action_words
from accounts.models import Organisation
from accounts.querysets import AuditQuerySet


class AuditFilterForm(forms.Form):
    who = forms.CharField(label="Who", required=False, max_length=254)
    action = forms.ChoiceField(label="What", required=False)
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # Any: Django's form arguments
        used = organisation.audit_entries.order_by().values_list("action", flat=True).distinct()
        choices = sorted(((action, action_words(action)) for action in used), key=lambda c: c[1])
        self.fields["action"].choices = [("", "Everything"), *choices]  # type: ignore[attr-defined]  # a choice field

    def narrow(self, entries: AuditQuerySet) -> AuditQuerySet:
        """Days are UTC days, the last one included; nothing when the form has errors."""
        if not self.is_valid():
            return entries.none()
        found = self.cleaned_data
        until = found["until"] and _midnight_after(found["until"])
        since = found["since"] and _midnight(found["since"])
        return entries.about(found["who"], found["action"], since, until)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _midnight_after(day: date) -> datetime | None:
    """None after the last day there is."""
    return _midnight(day + timedelta(days=1)) if day < date.max else None
