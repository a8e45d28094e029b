"""The identity provider of an organisation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.forms.single_sign_on import OidcForm, SamlForm
from accounts.models import IdentityProvider, Organisation
from accounts.permissions import IsAdministrator
from accounts.single_sign_on import addresses, providers

Kind = IdentityProvider.Kind


class SignOnSerializer(serializers.ModelSerializer[IdentityProvider]):
    """The secret is never told. `tried_at`: when the round trip last worked; null: not yet."""

    issuer = serializers.SerializerMethodField()
    has_secret = serializers.SerializerMethodField()
    trusts_email = serializers.SerializerMethodField()
    subject_attribute = serializers.SerializerMethodField()
    tried_at = serializers.SerializerMethodField()
    groups = serializers.DictField(source="group_map", child=serializers.UUIDField())
    redirect_uri = serializers.SerializerMethodField()
    metadata_url = serializers.SerializerMethodField()

    class Meta:
        model = IdentityProvider
        fields = [
            "kind",
            "name",
            "issuer",
            "client_id",
            "has_secret",
            "subject_attribute",
            "groups_claim",
            "groups",
            "trusts_email",
            "creates_people",
            "is_enabled",
            "is_forced",
            "tried_at",
            "redirect_uri",
            "metadata_url",
        ]
        read_only_fields = fields

    def get_issuer(self, provider: IdentityProvider) -> str:
        """Of OpenID Connect; the entity id of SAML."""
        return str(provider.settings.get("issuer") or provider.settings.get("entity_id", ""))

    def get_has_secret(self, provider: IdentityProvider) -> bool:
        return bool(provider.secret)

    def get_trusts_email(self, provider: IdentityProvider) -> bool:
        return bool(provider.settings.get("trusts_email"))

    def get_subject_attribute(self, provider: IdentityProvider) -> str:
        return str(provider.settings.get("subject_attribute", ""))

    def get_tried_at(self, provider: IdentityProvider) -> str | None:
        tried: str | None = provider.settings.get("tried")
        return tried

    def get_redirect_uri(self, provider: IdentityProvider) -> str:
        """For the provider: where it sends people back to."""
        name = "sign-on-oidc" if provider.kind == Kind.OIDC else "sign-on-saml"
        return addresses.absolute(name, provider.organisation.handle)

    def get_metadata_url(self, provider: IdentityProvider) -> str:
        """SAML: our entity id, and where our metadata is."""
        return addresses.absolute("sign-on-saml-metadata", provider.organisation.handle)


class SignOnSetUpSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """OpenID Connect needs `issuer` and `client_id`; SAML `metadata` or `metadata_url`. What is
    left out of a provider that is there stays: its secret, its metadata."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    name = serializers.CharField(max_length=60)
    issuer = serializers.CharField(max_length=500, required=False)
    client_id = serializers.CharField(max_length=200, required=False)
    secret = serializers.CharField(max_length=500, required=False, write_only=True)
    metadata = serializers.CharField(max_length=500_000, required=False, help_text="XML")
    metadata_url = serializers.CharField(max_length=500, required=False)
    subject_attribute = serializers.CharField(max_length=200, required=False)
    groups_claim = serializers.CharField(max_length=100, required=False)
    trusts_email = serializers.BooleanField(default=False)
    creates_people = serializers.BooleanField(default=False)


class SignOnChangeSerializer(serializers.Serializer[Any]):
    """What is left out stays. `groups`: what the provider says → the id of a group."""

    is_enabled = serializers.BooleanField(required=False)
    is_forced = serializers.BooleanField(required=False)
    groups = serializers.DictField(child=serializers.UUIDField(), required=False)


class SignOnView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people", "PUT": "people", "PATCH": "people", "DELETE": "people"}

    @extend_schema(responses={200: SignOnSerializer}, operation_id="sign_on_read")
    def get(self, request: Request, organisation_id: UUID) -> Response:
        """The identity provider through which people sign in."""
        return Response(SignOnSerializer(_provider(request, organisation_id)).data)

    @extend_schema(
        request=SignOnSetUpSerializer,
        responses={200: SignOnSerializer},
        operation_id="sign_on_set_up",
    )
    def put(self, request: Request, organisation_id: UUID) -> Response:
        """Sets it up; it is off until an administrator tried it out on the page."""
        organisation = _organisation(request, organisation_id)
        form = _form(organisation, checked(SignOnSetUpSerializer, request))
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            raise Problem(400, "invalid", f"{field}: {errors[0]}")
        providers.configure(organisation, form.choice(), Actor.of(request))
        return Response(SignOnSerializer(_provider(request, organisation_id)).data)

    @extend_schema(
        request=SignOnChangeSerializer,
        responses={200: SignOnSerializer},
        operation_id="sign_on_change",
    )
    def patch(self, request: Request, organisation_id: UUID) -> Response:
        """On, for everybody, and which groups it gives."""
        provider = _provider(request, organisation_id)
        _change(provider, checked(SignOnChangeSerializer, request), Actor.of(request))
        return Response(SignOnSerializer(_provider(request, organisation_id)).data)

    @extend_schema(responses={204: None}, operation_id="sign_on_remove")
    def delete(self, request: Request, organisation_id: UUID) -> Response:
        """Whoever signed in through it is signed out."""
        providers.remove(_provider(request, organisation_id), Actor.of(request))
        return Response(status=204)


@transaction.atomic
def _change(provider: IdentityProvider, found: dict[str, Any], actor: Actor) -> None:
    if "groups" in found:
        own = {group.pk: group for group in provider.organisation.groups.all()}
        unknown = set(found["groups"].values()) - own.keys()
        if unknown:
            raise Problem(400, "unknown", f"groups: there is no {min(map(str, unknown))} here.")
        wanted = {value: own[pk] for value, pk in found["groups"].items()}
        providers.map_groups(provider, wanted, actor)
    states = {
        name: found.get(name, getattr(provider, name)) for name in ("is_enabled", "is_forced")
    }
    providers.set_state(provider, actor, **states)


def _form(organisation: Organisation, found: dict[str, Any]) -> OidcForm | SamlForm:
    """The page's own rules."""
    provider = providers.provider_of(organisation)
    if found["kind"] == Kind.OIDC:
        return OidcForm(provider, found)
    xml = found.get("metadata")
    files = {"metadata_file": SimpleUploadedFile("metadata.xml", xml.encode())} if xml else None
    return SamlForm(provider, found, files)


def _organisation(request: Request, organisation_id: UUID) -> Organisation:
    mine = Organisation.objects.administered_by(request.user)
    found: Organisation = get_object_or_404(mine, pk=organisation_id)
    return found


def _provider(request: Request, organisation_id: UUID) -> IdentityProvider:
    provider = providers.provider_of(_organisation(request, organisation_id))
    if provider is None:
        raise Http404
    return provider
