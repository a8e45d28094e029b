"""Shapes of organisations, brands and consents in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Branding, Consent, Organisation
from accounts.names import validate_name
from accounts.organisations.consents import HOURS
from accounts.organisations.settings import is_time_zone
from accounts.querysets import CONSENT_RIGHTS


class Name(serializers.CharField):
    """By the rule for all names (`accounts.names`)."""

    def __init__(self, **kwargs: Any) -> None:  # DRF's
        super().__init__(validators=[validate_name], **kwargs)


class OrganisationSerializer(serializers.ModelSerializer[Organisation]):
    """`dealer`: who manages it; null for nobody."""

    is_administrator = serializers.BooleanField()
    dealer = serializers.SerializerMethodField()

    class Meta:
        model = Organisation
        fields = [
            "id",
            "name",
            "handle",
            "time_zone",
            "is_dealer",
            "dealer",
            "is_administrator",
            "created_at",
        ]
        read_only_fields = fields

    def get_dealer(self, organisation: Organisation) -> str | None:
        return organisation.dealer.name if organisation.dealer else None


class OrganisationChangeSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """What is left out stays."""

    name = Name(max_length=100, required=False)
    time_zone = serializers.CharField(max_length=64, required=False, help_text="IANA name")

    def validate_time_zone(self, name: str) -> str:
        if not is_time_zone(name):
            raise serializers.ValidationError(f"{name}: there is no such time zone.")
        return name


class BrandingSerializer(serializers.ModelSerializer[Branding]):
    """Empty: as Contera does. `logo_digest` is in the address of the logo,
    `/branding/<digest>.png`."""

    class Meta:
        model = Branding
        fields = [
            "portal_name",
            "accent",
            "accent_dark",
            "support_contact",
            "sender_name",
            "logo_digest",
        ]
        read_only_fields = fields


class BrandingChangeSerializer(serializers.Serializer[Any]):
    """What is left out stays."""

    portal_name = Name(max_length=60, required=False, allow_blank=True)
    accent = serializers.RegexField(
        "^#[0-9a-fA-F]{6}$",
        required=False,
        allow_blank=True,
        help_text="Made readable if it is not",
    )
    accent_dark = serializers.RegexField("^#[0-9a-fA-F]{6}$", required=False, allow_blank=True)
    support_contact = Name(max_length=200, required=False, allow_blank=True)
    sender_name = Name(max_length=60, required=False, allow_blank=True)
    logo = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=1_000_000,
        help_text="PNG, JPEG, WebP or GIF in base64; null removes it",
    )


_HOURS = list(HOURS)


class Rights(serializers.ListField):
    """Some of what a consent may be about."""

    child = serializers.ChoiceField(choices=CONSENT_RIGHTS)

    def __init__(self, **kwargs: Any) -> None:  # DRF's
        super().__init__(max_length=len(CONSENT_RIGHTS), **kwargs)


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    """`organisation` is the customer; `is_in_force` is about this moment."""

    rights = Rights()
    organisation_name = serializers.CharField(source="organisation.name")
    dealer_name = serializers.CharField(source="dealer.name")
    is_in_force = serializers.BooleanField()

    class Meta:
        model = Consent
        fields = [
            "id",
            "organisation",
            "organisation_name",
            "dealer",
            "dealer_name",
            "rights",
            "reason",
            "state",
            "is_in_force",
            "hours",
            "created_at",
            "starts_at",
            "ends_at",
        ]
        read_only_fields = fields


class NewConsentSerializer(serializers.Serializer[Any]):
    """By the dealer it is a request, by the customer it is in force at once."""

    organisation = serializers.UUIDField(help_text="The customer")
    dealer = serializers.UUIDField(help_text="Its dealer, or one above it")
    rights = Rights()
    hours = serializers.ChoiceField(choices=_HOURS)
    reason = serializers.CharField(max_length=500)


class ConsentAnswerSerializer(serializers.Serializer[Any]):
    """By the customer: what of it, and for how long."""

    rights = Rights()
    hours = serializers.ChoiceField(choices=_HOURS)
