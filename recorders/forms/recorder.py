"""Forms about a recorder: add one, name it, remove it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.names import NameField
from recorders.models import Location, Recorder


class RecorderForm(forms.Form):
    """Name and location, for a recorder that exists or that will be added."""

    name = NameField(max_length=100)
    location = NameField(
        max_length=100,
        required=False,
        widget=forms.TextInput({"autocomplete": "off", "list": "locations"}),
        help_text="The site it stands at: recorders are listed by location.",
    )

    def __init__(self, *args: Any, locations: QuerySet[Location], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.locations = locations  # offered while typing


class AddRecorderForm(RecorderForm):
    name = NameField(
        max_length=100,
        required=False,
        help_text="Empty: the name from the recorder's own configuration.",
    )


class RemoveForm(forms.Form):
    """The name must be typed: nobody removes a recorder by a slip of the finger."""

    name = forms.CharField(max_length=100, widget=forms.TextInput({"autocomplete": "off"}))

    def __init__(self, *args: Any, recorder: Recorder, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recorder = recorder
        self.fields["name"].label = f"Type “{recorder.name}” to confirm"

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if " ".join(name.split()) != " ".join(self.recorder.name.split()):
            raise forms.ValidationError("This is not the recorder's name.")
        return name
