"""Changes to an organisation's brand, each checked and in the audit trail."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace

from django.db import transaction

from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Branding, Organisation
from accounts.organisations.colours import DARK, LIGHT, is_colour, readable
from accounts.organisations.logos import Png


@dataclass(frozen=True)
class Wanted:
    """All text; empty: as Contera does."""

    portal_name: str = ""
    accent: str = ""  # #rrggbb
    accent_dark: str = ""
    support_contact: str = ""
    sender_name: str = ""


def set_branding(organisation: Organisation, wanted: Wanted, actor: Actor) -> list[str]:
    """Keeps what is wanted; a colour that could not be read is kept as the nearest that can. Says
    in words which ones were."""
    colours = {"accent": LIGHT, "accent_dark": DARK}
    words: list[str] = []
    for name, theme in colours.items():
        chosen = getattr(wanted, name).lower()
        if chosen and not is_colour(chosen):
            raise NotPossible("no_colour", f"{chosen}: a colour is # and six hexadecimal digits.")
        kept = readable(chosen, theme) if chosen else ""
        if kept != chosen:
            words.append(
                f"{chosen} cannot be read on {theme.name} pages; {kept}, the nearest that can, "
                "is used."
            )
        wanted = replace(wanted, **{name: kept})
    _save(organisation, asdict(wanted), actor)
    return words


def set_logo(organisation: Organisation, logo: Png, actor: Actor) -> None:
    _save_logo(organisation, logo, hashlib.sha256(logo).hexdigest(), actor)


def remove_logo(organisation: Organisation, actor: Actor) -> None:
    _save_logo(organisation, None, "", actor)


@transaction.atomic
def _save(organisation: Organisation, after: dict[str, str], actor: Actor) -> None:
    row = _locked(organisation)
    before = {name: getattr(row, name) for name in after}
    if before == after:
        return
    for name, value in after.items():
        setattr(row, name, value)
    row.save(update_fields=list(after))
    record(organisation, actor, "branding.changed", organisation, before=before, after=after)


@transaction.atomic
def _save_logo(organisation: Organisation, logo: bytes | None, digest: str, actor: Actor) -> None:
    row = _locked(organisation)
    if row.logo_digest == digest:
        return
    before, row.logo, row.logo_digest = row.logo_digest, logo, digest
    row.save(update_fields=["logo", "logo_digest"])
    record(organisation, actor, "branding.logo_changed", organisation, before=before, after=digest)


def _locked(organisation: Organisation) -> Branding:
    Branding.objects.get_or_create(organisation=organisation)
    row: Branding = Branding.objects.select_for_update().defer("logo").get(pk=organisation.pk)
    return row
