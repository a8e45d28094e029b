"""What to look for in the audit trail, and how long it is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from accounts.audit_retention import CHOICES, MAX_DAYS, words_of
from accounts.audit_words import GROUPS
from accounts.models import Organisation
from accounts.organisations.settings import is_time_zone
from accounts.querysets import AuditQuerySet

_FOR_EVER = ""


class AuditFilterForm(forms.Form):
    who = forms.CharField(label="Who", required=False, max_length=254)
    group = forms.ChoiceField(
        label="What",
        required=False,
        choices=[("", "Everything"), *((name, words) for name, (words, _) in GROUPS.items())],
    )
    target = forms.CharField(label="About", required=False, max_length=254)
    address = forms.GenericIPAddressField(label="Address", required=False, unpack_ipv4=True)
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    # The reader's own, by their browser (page.js); UTC without it.
    zone = forms.CharField(
        required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-zone-of-reader": True})
    )

    def clean_zone(self) -> ZoneInfo:
        name = self.cleaned_data["zone"]
        return ZoneInfo(name) if is_time_zone(name) else ZoneInfo("UTC")

    def narrow(self, entries: AuditQuerySet) -> AuditQuerySet:
        """Days are those of the reader, the last one included; nothing when the form has errors."""
        if not self.is_valid():
            return entries.none()
        found = self.cleaned_data
        zone = found["zone"]
        until = found["until"] and _midnight_after(found["until"], zone)
        since = found["since"] and _midnight(found["since"], zone)
        return entries.about(
            found["who"],
            since=since,
            until=until,
            group=found["group"],
            target=found["target"],
            address=found["address"],
        )

    @property
    def asked(self) -> dict[str, str]:
        """What somebody looks for, for the line that says so."""
        if not self.is_valid():
            return {}
        asked = {name: str(value) for name, value in self.cleaned_data.items() if value}
        if not {"since", "until"} & asked.keys():  # the zone is about them alone
            del asked["zone"]
        return asked


class RetentionForm(forms.Form):
    """One choice, `kept`: days, or nothing for ever."""

    def __init__(self, organisation: Organisation, data: QueryDict | None = None) -> None:
        kept = organisation.audit_kept_days
        super().__init__(data, initial={"kept": kept or _FOR_EVER})
        offered = {kept: words_of(kept), **dict(CHOICES)}
        ordered = sorted(offered.items(), key=lambda choice: choice[0] or MAX_DAYS + 1)
        choices = [(str(days or _FOR_EVER), words) for days, words in ordered]
        self.fields["kept"] = forms.ChoiceField(label="Keep lines", choices=choices, required=False)

    @property
    def days(self) -> int | None:
        kept = self.cleaned_data["kept"]
        return int(kept) if kept else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """In UTC, of which a database takes every moment; the first and last days there are have none
    in some zones, and are taken as UTC's."""
    try:
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    except OverflowError:
        return datetime.combine(day, time.min, UTC)


def _midnight_after(day: date, zone: ZoneInfo) -> datetime | None:
    """None after the last day there is."""
    return _midnight(day + timedelta(days=1), zone) if day < date.max else None
