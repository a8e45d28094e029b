"""What a person fills in for an incident; times are in the person's own zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.utils import timezone

from accounts.models import User
from incidents import services
from recorders.camera_choice import find_cameras
from recorders.models import Camera

_INPUT_FORMAT = "%Y-%m-%dT%H:%M:%S"
_FORMATS = [_INPUT_FORMAT, "%Y-%m-%dT%H:%M"]


class LocalTime(forms.Field):
    """A wall-clock time without a zone, of a `datetime-local` input."""

    widget = forms.DateTimeInput(
        format=_INPUT_FORMAT, attrs={"type": "datetime-local", "step": "1"}
    )

    def to_python(self, value: Any) -> datetime | None:  # Any: Django's signature
        for pattern in _FORMATS:
            try:
                return datetime.strptime(str(value or ""), pattern)  # noqa: DTZ007  # local on purpose
            except ValueError:
                continue
        if not value:
            return None
        raise forms.ValidationError("This is not a date and time.")


class IncidentForm(forms.Form):
    """Cameras with the export right, a range, a title and a note."""

    title = forms.CharField(max_length=150, help_text="What happened, in a few words.")
    cameras = forms.ModelMultipleChoiceField(queryset=Camera.objects.none())
    start = LocalTime(label="From")
    end = LocalTime(label="To")
    zone = forms.CharField(max_length=64, initial="UTC", widget=forms.HiddenInput)
    note = forms.CharField(
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Kept with the incident and written into the manifest.",
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:  # Django's signature
        super().__init__(*args, **kwargs)
        self.user = user
        cameras = self.fields["cameras"]
        if isinstance(cameras, forms.ModelMultipleChoiceField):
            cameras.queryset = exportable_cameras(user)
            cameras.error_messages["required"] = "Choose at least one camera."
            cameras.error_messages["invalid_choice"] = "This camera cannot be exported by you."

    def clean_zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.cleaned_data["zone"])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo("UTC")

    def clean(self) -> dict[str, Any]:  # Any: Django's own
        cleaned = super().clean() or self.cleaned_data
        zone = cleaned.get("zone") or ZoneInfo("UTC")
        # Where an hour is there twice, the wider range: the first start, the second end.
        for name, fold in (("start", 0), ("end", 1)):
            if cleaned.get(name):
                cleaned[name] = self._in_utc(name, cleaned[name].replace(tzinfo=zone, fold=fold))
        self._check_range(cleaned)
        return cleaned

    def wanted(self) -> services.NewIncident:
        data = self.cleaned_data
        return services.NewIncident(
            data["title"], list(data["cameras"]), data["start"], data["end"], data["note"]
        )

    def _in_utc(self, name: str, local: datetime) -> datetime | None:
        try:
            moment = local.astimezone(UTC)
            back = moment.astimezone(local.tzinfo)
        except OverflowError:  # at the edge of the calendar
            self.add_error(name, "This is not a date and time.")
            return None
        if back.replace(tzinfo=None, fold=0) != local.replace(tzinfo=None, fold=0):
            self.add_error(name, "The clocks went forward: this time did not exist on that day.")
            return None
        return moment

    def _check_range(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("start") and cleaned.get("end"):
            try:
                services.check_range(cleaned["start"], cleaned["end"], timezone.now())
            except services.BadRange as error:
                self.add_error(error.field, str(error))


def exportable_cameras(user: User) -> Any:  # a queryset; django-stubs has no name for ours
    return find_cameras(user, "export").select_related("recorder__organisation")
