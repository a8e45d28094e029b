"""A grant with limits, as people fill it in.

Moments are those of the organisation's time zone: the views make and clean the form while that zone
is the current one (`django.utils.timezone.override`).
"""

from __future__ import annotations

from datetime import datetime, time
from ipaddress import ip_network
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from recorders.grants import FOOTAGE_RIGHTS, OFFERED, RECORDER_ONLY
from recorders.grants.checks import MAX_ADDRESSES
from recorders.grants.sentences import RIGHT_WORDS
from recorders.grants.values import GrantValue, Limits, Scope
from recorders.grants.week_hours import DAYS, Row, Span, clock, rows_of, spans_of

MAX_ROWS = 14  # of hours: two a day
CLIENT_CHOICES = (
    ("browser", "Browser"),
    ("vms", "VMS"),
    ("mobile", "Mobile app"),
    ("program", "Other programs"),
)
FOOTAGE_CHOICES = (
    ("all", "Everything that is kept"),
    ("live", "None: live video alone"),
    ("now", "From now on"),
    ("span", "Only a span"),
)


class MomentField(forms.DateTimeField):
    """Date and time to the minute, in the current time zone."""

    def __init__(self, label: str, help_text: str = "") -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(label=label, help_text=help_text, required=False, widget=widget)


class LimitedGrantForm(forms.Form):
    """What the grant gives, within which limits (Any: Django's form arguments)."""

    rights = forms.MultipleChoiceField(
        label="What",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick one right at least."},
    )
    holds_from = MomentField("From")
    holds_until = MomentField("Until")
    footage = forms.ChoiceField(
        label="Which recorded video",
        choices=FOOTAGE_CHOICES,
        widget=forms.RadioSelect,
        initial="all",
    )
    footage_from = MomentField("Recorded from")
    footage_to = MomentField("Recorded until")
    clients = forms.MultipleChoiceField(
        label="Only with",
        choices=CLIENT_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: with any of them.",
    )
    addresses = forms.CharField(
        label="Only from these addresses",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="Addresses or ranges like 10.0.0.0/8 or 2001:db8::/32, one a line. Empty: from"
        " anywhere.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=500,
        help_text="For those who read this list or the audit trail later.",
    )

    def __init__(self, scope: Scope, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope
        self.fields["rights"].choices = [  # type: ignore[attr-defined]  # a choice field
            (right, RIGHT_WORDS[right])
            for right in OFFERED
            if not (scope.camera_id and right in RECORDER_ONLY)
        ]

    def clean_addresses(self) -> tuple[str, ...]:
        lines = self.cleaned_data["addresses"].replace(",", "\n").split()
        if len(lines) > MAX_ADDRESSES:
            raise ValidationError(f"At most {MAX_ADDRESSES} addresses.")
        return tuple(dict.fromkeys(_network(line) for line in lines))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        self._check_order("holds_from", "holds_until", "It must end after it begins.")
        footage = found.get("footage")
        if footage == "span":
            self._check_span(found)
        has_footage = bool(FOOTAGE_RIGHTS & set(found.get("rights", ())))
        if footage == "live" and has_footage:
            self.add_error("footage", "Recorded and Export need recorded video: take them away.")
        if footage in ("now", "span") and "rights" in found and not has_footage:
            self.add_error("footage", "That is about recorded video: tick Recorded or Export.")
        return found

    def value(self, hours: tuple[Span, ...], now: datetime) -> GrantValue:
        """What was filled in, with the hours from beside it; after `is_valid`."""
        found = self.cleaned_data
        footage = {
            "now": (now, None),
            "span": (found["footage_from"], found["footage_to"]),
        }.get(found["footage"], (None, None))
        limits = Limits(
            holds_from=found["holds_from"],
            holds_until=found["holds_until"],
            hours=hours,
            clients=tuple(found["clients"]),
            addresses=found["addresses"],
            footage_from=footage[0],
            footage_to=footage[1],
        )
        return GrantValue(self.scope, frozenset(found["rights"]), limits, found["reason"])

    def _check_order(self, first: str, last: str, words: str) -> None:
        start, end = self.cleaned_data.get(first), self.cleaned_data.get(last)
        if start and end and start >= end:
            self.add_error(last, words)

    def _check_span(self, found: dict[str, Any]) -> None:
        bad = {"footage_from", "footage_to"} & set(self.errors)
        if not bad and not found.get("footage_from") and not found.get("footage_to"):
            self.add_error("footage_from", "Say where the span begins or ends.")
        self._check_order("footage_from", "footage_to", "It must end after it begins.")


def initial_of(value: GrantValue) -> dict[str, Any]:
    """What the form shows of a grant that is there."""
    limits = value.limits
    footage = "live" if not value.rights & FOOTAGE_RIGHTS else "all"
    return {
        "rights": sorted(value.rights),
        "holds_from": limits.holds_from,
        "holds_until": limits.holds_until,
        "footage": "span" if limits.has_footage else footage,
        "footage_from": limits.footage_from,
        "footage_to": limits.footage_to,
        "clients": limits.clients,
        "addresses": "\n".join(limits.addresses),
        "reason": value.reason,
    }


class HoursForm(forms.Form):
    """One row: some days, from a time to a time."""

    days = forms.MultipleChoiceField(
        label="Days",
        choices=[(str(number), name) for number, name in enumerate(DAYS)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    start = forms.TimeField(
        label="From",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    end = forms.TimeField(
        label="To", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        times = [found.get("start"), found.get("end")]
        if found.get("days"):
            for name, moment in zip(("start", "end"), times, strict=True):
                if moment is None and name not in self.errors:
                    self.add_error(name, "Fill in the time.")
        elif any(moment is not None for moment in times):
            self.add_error("days", "Tick one day at least.")
        return found

    def row(self) -> Row | None:
        """None for a row that was left empty."""
        found = self.cleaned_data
        if not found.get("days"):
            return None
        days = frozenset(int(day) for day in found["days"])
        return Row(days, _minute(found["start"]), _minute(found["end"]))


HoursFormSet = forms.formset_factory(
    HoursForm, extra=1, max_num=MAX_ROWS, absolute_max=MAX_ROWS, validate_max=True
)


def hours_initial(spans: tuple[Span, ...]) -> list[dict[str, Any]]:
    return [
        {
            "days": [str(day) for day in sorted(row.days)],
            "start": clock(row.start),
            "end": clock(row.end),
        }
        for row in rows_of(spans)
    ]


def hours_of(rows: Any) -> tuple[Span, ...]:  # Any: a valid HoursFormSet
    return spans_of(row for form in rows if (row := form.row()) is not None)


def zone_words() -> str:
    """The current time zone, as the form names it."""
    return timezone.get_current_timezone_name()


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValidationError(f"{text} is no address and no range.") from None
