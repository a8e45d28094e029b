"""Forms about an organisation: its settings, its brand, consents."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.errors import NotPossible
from accounts.models import Branding, Consent, Organisation
from accounts.names import NameField
from accounts.organisations.colours import is_colour
from accounts.organisations.consents import HOURS, Wish
from accounts.organisations.logos import MAX_BYTES, TOO_LARGE, Png, encode_logo

Posted = QueryDict | None
Files = MultiValueDict[str, Any] | None  # Any: uploaded files

RIGHT_CHOICES = (
    ("live", "Live video"),
    ("playback", "Recorded video"),
    ("export", "Exports: keep and download video"),
)
HOURS_CHOICES = tuple(HOURS.items())
NOTHING_TICKED = {"required": "Tick one at least."}


def time_zones() -> list[tuple[str, str]]:
    """Those that a place has (`Europe/Berlin`), and UTC."""
    names = sorted(name for name in zoneinfo.available_timezones() if _is_a_place(name))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


def _is_a_place(name: str) -> bool:
    return "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))


class OrganisationForm(forms.Form):
    name = NameField(
        label="Name", max_length=100, help_text="As people, customers and your dealer read it."
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=time_zones,
        help_text="Hours of the week in limits of access are in it.",
    )

    def __init__(self, organisation: Organisation, data: Posted = None) -> None:
        now = {"name": organisation.name, "time_zone": organisation.time_zone}
        super().__init__(data, initial=now)
        zones = self.fields["time_zone"]
        if organisation.time_zone not in dict(time_zones()):  # one that was set in another way
            kept = (organisation.time_zone, organisation.time_zone)
            zones.choices = [kept, *time_zones()]  # type: ignore[attr-defined]  # a choice field


class ColourField(forms.CharField):
    """`#rrggbb`, as the browser's own choice of colours gives it; may be empty."""

    def __init__(self, **kwargs: Any) -> None:  # as Django's
        super().__init__(required=False, max_length=7, **kwargs)
        self.widget.attrs.update({"placeholder": "#0b6a86", "spellcheck": "false"})

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "").lower()
        return f"#{text}" if text and not text.startswith("#") else text

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not is_colour(value):
            raise ValidationError("A colour is # and six hexadecimal digits, as #0b6a86.")


class BrandingForm(forms.Form):
    portal_name = NameField(
        label="Name of the portal",
        max_length=60,
        required=False,
        help_text="At the top of pages and in mails, where it says Contera now.",
    )
    logo = forms.FileField(
        label="Logo",
        required=False,
        help_text="PNG, JPEG, WebP or GIF, up to 1 MB. It stands on light and on dark pages.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"}),
    )
    remove_logo = forms.BooleanField(label="Remove the logo", required=False)
    accent = ColourField(label="Accent on light pages")
    accent_dark = ColourField(label="Accent on dark pages")
    support_contact = NameField(
        label="Whom to ask for help",
        max_length=200,
        required=False,
        help_text="A telephone number or an address, shown below pages and mails.",
    )
    sender_name = NameField(
        label="Sender of mails",
        max_length=60,
        required=False,
        help_text="The name beside the address. The address stays that of this portal.",
    )

    def __init__(self, branding: Branding, data: Posted = None, files: Files = None) -> None:
        texts = ("portal_name", "accent", "accent_dark", "support_contact", "sender_name")
        initial = {name: getattr(branding, name) for name in texts}
        super().__init__(data, files, initial=initial)
        if not branding.logo_digest:
            del self.fields["remove_logo"]

    def clean_logo(self) -> Png | None:
        """A PNG of our own, so that what is wrong with the file is said beside other mistakes."""
        uploaded = self.cleaned_data["logo"]
        if not isinstance(uploaded, UploadedFile):
            return None
        if uploaded.size and uploaded.size > MAX_BYTES:
            raise ValidationError(TOO_LARGE)
        try:
            return encode_logo(uploaded.read())
        except NotPossible as error:
            raise ValidationError(error.message) from None

    def clean(self) -> dict[str, Any]:
        """Browsers do not send a file again by themselves."""
        found = super().clean() or {}
        if self.errors and found.get("logo"):
            self.add_error("logo", "Choose the file again: it is kept together with the rest.")
        return found


class ConsentForm(forms.Form):
    """What a dealer asks for, or a customer gives by itself."""

    rights = forms.MultipleChoiceField(
        label="What",
        choices=RIGHT_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        error_messages=NOTHING_TICKED,
    )
    hours = forms.TypedChoiceField(
        label="For how long", choices=HOURS_CHOICES, coerce=int, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label="What for",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Both sides read it, and it stays in the audit trail.",
    )

    def wish(self) -> Wish:
        found = self.cleaned_data
        return Wish(frozenset(found["rights"]), found["hours"], " ".join(found["reason"].split()))


class GiveConsentForm(ConsentForm):
    """With the dealer, where there are several above the customer."""

    dealer = forms.ChoiceField(label="Who")
    field_order = ("dealer", "rights", "hours", "reason")

    def __init__(self, dealers: list[Organisation], *args: Any, **kwargs: Any) -> None:
        """Any: Django's form arguments."""
        super().__init__(*args, **kwargs)
        self.dealers = {str(dealer.pk): dealer for dealer in dealers}
        self.fields["dealer"].choices = [  # type: ignore[attr-defined]  # a choice field
            (pk, dealer.name) for pk, dealer in self.dealers.items()
        ]
        if len(dealers) == 1:
            self.fields["dealer"].widget = forms.HiddenInput()
            self.fields["dealer"].initial = str(dealers[0].pk)

    def chosen_dealer(self) -> Organisation:
        return self.dealers[self.cleaned_data["dealer"]]


class AnswerForm(forms.Form):
    """A customer's answer: of what was asked for as much, and as long, as it likes."""

    rights = forms.MultipleChoiceField(
        label="What", widget=forms.CheckboxSelectMultiple, error_messages=NOTHING_TICKED
    )
    hours = forms.TypedChoiceField(
        label="For how long", choices=HOURS_CHOICES, coerce=int, widget=forms.RadioSelect
    )

    def __init__(self, consent: Consent, data: Posted = None) -> None:
        initial = {"rights": consent.rights, "hours": consent.hours}
        super().__init__(data, initial=initial)
        asked = [choice for choice in RIGHT_CHOICES if choice[0] in consent.rights]
        self.fields["rights"].choices = asked  # type: ignore[attr-defined]  # a choice field
