"""Forms with which an organisation sets up its identity provider, and finds its way to it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from accounts.models import Group, IdentityProvider, Organisation
from accounts.names import NameField
from accounts.outgoing.web import NotReached, checked, fetch
from accounts.single_sign_on import addresses, oidc_exchange
from accounts.single_sign_on.identity import Refused
from accounts.single_sign_on.providers import MAX_MAPPED, OidcChoice, SamlChoice
from accounts.single_sign_on.saml_metadata import Metadata, read_metadata
from accounts.single_sign_on.saml_xml import MAX_XML


class ProviderForm(forms.Form):
    """What both kinds have."""

    name = NameField(
        max_length=60,
        label="Name on the button",
        help_text="People see “Sign in with …”, such as Harbour ID.",
    )
    groups_claim = forms.CharField(
        max_length=100,
        required=False,
        label="Where it names groups",
        help_text="The claim or attribute, often “groups”. Empty: groups are given here alone.",
    )
    trusts_email = forms.BooleanField(
        required=False,
        label="Its e-mail addresses are right",
        help_text="Your organisation checks the addresses of its people, or the provider does. Then"
        " people who are already invited are found by their address the first time.",
    )
    creates_people = forms.BooleanField(
        required=False,
        label="Add people when they first sign in",
        help_text="Everybody whom the provider lets in becomes a user here, in the groups that you"
        " map. Otherwise only people whom you invited.",
    )


class OidcForm(ProviderForm):
    issuer = forms.CharField(
        max_length=500,
        label="Issuer",
        help_text="The provider's address, exactly as it writes it itself: https://id.example.com",
        widget=forms.URLInput(attrs={"placeholder": "", "inputmode": "url"}),
    )
    client_id = forms.CharField(max_length=200, label="Client ID")
    secret = forms.CharField(
        max_length=500,
        required=False,
        strip=True,
        label="Client secret",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("name", "issuer", "client_id", "secret")

    def __init__(self, provider: IdentityProvider | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        has_secret = bool(provider and provider.secret)
        self.fields["secret"].help_text = (
            "Kept encrypted and never shown. Leave it empty to keep the one that is stored."
            if has_secret
            else "Kept encrypted and never shown. Empty for a public client, which has none."
        )

    def clean_issuer(self) -> str:
        """Asked at once: a mistake shows where it was typed."""
        issuer: str = self.cleaned_data["issuer"]
        try:
            oidc_exchange.discover(issuer)
        except (NotReached, Refused) as error:
            raise forms.ValidationError(str(error)) from None
        return issuer

    def choice(self) -> OidcChoice:
        found = self.cleaned_data
        return OidcChoice(**{**found, "secret": found["secret"] or None})


class SamlForm(ProviderForm):
    metadata_url = forms.CharField(
        max_length=500,
        required=False,
        label="Address of its metadata",
        help_text="Read once, now. After a change of certificates, save it again: up to four are"
        " accepted side by side.",
    )
    metadata_file = forms.FileField(required=False, label="Or the metadata as a file")
    subject_attribute = forms.CharField(
        max_length=200,
        required=False,
        label="Attribute that names a person",
        help_text="One that never changes and is never given to somebody else. Empty: the NameID,"
        " which must be persistent.",
    )
    field_order = ("name", "metadata_url", "metadata_file", "subject_attribute")

    def __init__(self, provider: IdentityProvider | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_metadata = bool(provider and provider.kind == IdentityProvider.Kind.SAML)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            found["metadata"] = self._metadata(found)
        return found

    def _metadata(self, found: dict[str, Any]) -> Metadata | None:
        field = "metadata_file" if found.get("metadata_file") else "metadata_url"
        try:
            xml = _metadata_xml(found.get("metadata_file"), found.get("metadata_url", ""))
            if xml is not None:
                return read_metadata(xml, lambda url: checked(url, addresses.reach()))
        except (NotReached, Refused) as error:
            self.add_error(field, str(error))
            return None
        if not self._has_metadata:
            self.add_error(field, "Give the address of the metadata, or the file.")
        return None

    def choice(self) -> SamlChoice:
        names = ("name", "metadata", "subject_attribute", "groups_claim")
        flags = ("trusts_email", "creates_people")
        return SamlChoice(**{name: self.cleaned_data[name] for name in (*names, *flags)})


def _metadata_xml(file: UploadedFile | None, url: str) -> bytes | None:  # type: ignore[type-arg]  # in the stubs only
    """Raises NotReached."""
    if file is not None:
        content: bytes = file.read(MAX_XML + 1)
        return content
    if not url:
        return None
    answer = fetch(url, addresses.reach())
    if answer.status != 200:
        raise NotReached(f"The address answers {answer.status}.")
    return answer.body


class GroupMapForm(forms.Form):
    """Lines `what the provider says = group here`."""

    lines = forms.CharField(
        required=False,
        max_length=50_000,
        label="One group per line",
        help_text="What the provider calls it, an equals sign, the group here:"
        " “camera-admins = Administrators”.",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._groups = {group.name.lower(): group for group in organisation.groups.all()}

    def clean_lines(self) -> dict[str, Group]:
        mapped: dict[str, Group] = {}
        problems = []
        lines = [line for line in self.cleaned_data["lines"].splitlines() if line.strip()]
        for number, line in enumerate(lines[: MAX_MAPPED + 1], 1):
            value, _, name = (part.strip() for part in line.rpartition("="))
            group = self._groups.get(name.lower())
            if not value:
                problems.append(f"Line {number} has no name before an equals sign.")
            elif group is None:
                problems.append(f"Line {number}: there is no group called {name[:60]} here.")
            elif value in mapped:
                problems.append(f"Line {number}: {value[:60]} stands there twice.")
            else:
                mapped[value] = group
        if problems:
            raise forms.ValidationError(problems[:10])
        return mapped


def lines_of(provider: IdentityProvider) -> str:
    """The map as the form shows it; groups that are gone are left out."""
    names = {str(group.pk): group.name for group in provider.organisation.groups.all()}
    mapped = sorted(provider.group_map.items())
    return "\n".join(f"{value} = {names[pk]}" for value, pk in mapped if pk in names)


class HandleForm(forms.Form):
    """Which organisation somebody signs in to."""

    handle = forms.SlugField(
        max_length=40,
        label="Your organisation's name in addresses",
        help_text="Your administrators know it; user names have it behind the @.",
    )

    def clean_handle(self) -> str:
        handle: str = self.cleaned_data["handle"]
        return handle.lower()
