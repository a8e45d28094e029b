"""Changes to an organisation's identity provider: checked, audited, announced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Federation, Group, IdentityProvider, Organisation, User
from accounts.single_sign_on.saml_metadata import Metadata

MAX_MAPPED = 500
Kind = IdentityProvider.Kind


@dataclass(frozen=True)
class OidcChoice:
    """An OpenID provider as an administrator wants it; `secret` None: the one that is kept."""

    name: str
    issuer: str
    client_id: str
    secret: str | None
    groups_claim: str
    trusts_email: bool
    creates_people: bool


@dataclass(frozen=True)
class SamlChoice:
    """A SAML identity provider; `metadata` None: what is kept."""

    name: str
    metadata: Metadata | None
    subject_attribute: str
    groups_claim: str
    trusts_email: bool
    creates_people: bool


def provider_of(organisation: Organisation) -> IdentityProvider | None:
    found: IdentityProvider | None = (
        IdentityProvider.objects.select_related("organisation")
        .filter(organisation=organisation)
        .first()
    )
    return found


def configure(
    organisation: Organisation, choice: OidcChoice | SamlChoice, actor: Actor
) -> IdentityProvider:
    """Sets it up, or changes it. Another issuer is another provider: nobody is connected to it yet,
    and it is off until it was tried. A new certificate or secret changes nothing else."""
    with _changed(organisation, actor, "single_sign_on.changed"):
        provider = provider_of(organisation) or IdentityProvider(organisation=organisation)
        before = (provider.kind, authority(provider))
        _take(provider, choice)
        if (provider.kind, authority(provider)) != before:
            _forget(provider)
        provider.save()
    return provider


def _take(provider: IdentityProvider, choice: OidcChoice | SamlChoice) -> None:
    provider.name, provider.groups_claim = choice.name, choice.groups_claim
    provider.creates_people = choice.creates_people
    tried = provider.settings.get("tried")
    if isinstance(choice, OidcChoice):
        if provider.kind == Kind.OIDC and provider.settings.get("issuer") != choice.issuer:
            provider.secret = ""  # a secret goes to nobody but the issuer it was typed for
        provider.kind, provider.client_id = Kind.OIDC, choice.client_id
        if choice.secret is not None:
            provider.secret = choice.secret
        known: dict[str, Any] = {"issuer": choice.issuer}
    else:
        if choice.metadata is None and provider.kind != Kind.SAML:
            raise NotPossible("no_metadata", "The metadata of the identity provider is missing.")
        provider.kind, provider.client_id, provider.secret = Kind.SAML, "", ""
        known = asdict(choice.metadata) if choice.metadata else _metadata_of(provider)
        known["subject_attribute"] = choice.subject_attribute
    provider.settings = {**known, "trusts_email": choice.trusts_email, "tried": tried}


def _metadata_of(provider: IdentityProvider) -> dict[str, Any]:
    names = ("entity_id", "sso_url", "certificates")
    return {name: provider.settings[name] for name in names}


def authority(provider: IdentityProvider) -> str:
    """Who speaks: its subjects are its own."""
    kept = provider.settings
    named = kept.get("subject_attribute", "")
    return f"{kept.get('issuer') or kept.get('entity_id', '')} {named}".strip()


def _forget(provider: IdentityProvider) -> None:
    provider.is_enabled = provider.is_forced = False
    provider.settings["tried"] = None
    Federation.objects.filter(provider=provider.pk).delete()


def remove(provider: IdentityProvider, actor: Actor) -> None:
    """Who signed in through it is out; accounts and groups stay."""
    with _changed(provider.organisation, actor, "single_sign_on.removed"):
        provider.delete()


def note_tried(provider: IdentityProvider, now: datetime) -> None:
    """The round trip worked: it may be switched on."""
    provider.settings["tried"] = now.isoformat(timespec="seconds")
    provider.save(update_fields=["settings"])


def set_state(
    provider: IdentityProvider, actor: Actor, *, is_enabled: bool, is_forced: bool
) -> None:
    """Raises NotPossible for what would lock people out."""
    with _changed(provider.organisation, actor, "single_sign_on.changed"):
        if is_enabled and not provider.settings.get("tried"):
            raise NotPossible("not_tried", "Try it out first: nobody knows yet whether it works.")
        if is_forced and not is_enabled:
            raise NotPossible("not_enabled", "Switch it on before you ask everybody to use it.")
        if is_forced and not provider.is_forced:
            _require_administrator_through(provider)
        provider.is_enabled, provider.is_forced = is_enabled, is_forced
        provider.save(update_fields=["is_enabled", "is_forced"])


def _require_administrator_through(provider: IdentityProvider) -> None:
    administrators = provider.organisation.memberships.administrators()
    through = administrators.filter(
        federation__provider=provider, federation__last_used_at__isnull=False
    )
    if not through.exists():
        raise NotPossible(
            "no_administrator_through",
            "An administrator must have signed in through it first, so that nobody is locked out.",
        )


def map_groups(provider: IdentityProvider, wanted: Mapping[str, Group], actor: Actor) -> None:
    """What the provider calls groups → groups here; counts from the next sign-in of each person."""
    if len(wanted) > MAX_MAPPED:
        raise NotPossible("too_many", f"{MAX_MAPPED} groups are the most.")
    if any(g.organisation_id != provider.organisation_id for g in wanted.values()):
        raise NotPossible("other_organisation", f"That is not of {provider.organisation}.")
    with _changed(provider.organisation, actor, "single_sign_on.changed"):
        provider.group_map = {value: str(group.pk) for value, group in wanted.items()}
        provider.save(update_fields=["group_map"])


@contextmanager
def _changed(organisation: Organisation, actor: Actor, action: str) -> Iterator[None]:
    """One change at a time; audited with before and after, announced to everybody there."""
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        before = facts(provider_of(organisation))
        yield
        after = facts(provider_of(organisation))
        if before == after:
            return
        record(
            organisation,
            actor,
            action,
            after.get("name") or before["name"],
            before=before,
            after=after,
        )
        announce_change(User.objects.filter(memberships__organisation=organisation))


def facts(provider: IdentityProvider | None) -> dict[str, Any]:
    """For the audit trail; no secret."""
    if provider is None:
        return {}
    groups = dict(provider.organisation.groups.values_list("pk", "name"))
    names = {str(pk): name for pk, name in groups.items()}
    return {
        "name": provider.name,
        "kind": provider.get_kind_display(),
        "authority": authority(provider),
        "client_id": provider.client_id,
        "has_secret": bool(provider.secret),
        "certificates": len(provider.settings.get("certificates", [])),
        "sign_in_address": provider.settings.get("sso_url", ""),
        "on": provider.is_enabled,
        "for_everybody": provider.is_forced,
        "adds_people": provider.creates_people,
        "believes_addresses": bool(provider.settings.get("trusts_email")),
        "groups_claim": provider.groups_claim,
        "groups": {value: names.get(pk, "") for value, pk in provider.group_map.items()},
    }
