"""How an organisation shows itself, as pages and mails need it."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Branding, Organisation
from accounts.organisations.colours import DARK, LIGHT, is_colour, readable, shades


@dataclass(frozen=True)
class Brand:
    """All of it is text of the organisation's own; empty: as Contera does."""

    name: str = "Contera"
    logo: str = ""  # its digest
    accent: str = ""  # without #
    accent_dark: str = ""
    support_contact: str = ""
    sender_name: str = "Contera"

    @property
    def has_colours(self) -> bool:
        return bool(self.accent)


CONTERA = Brand()


def brand_of(organisation: Organisation | None) -> Brand:
    """Reads one row unless it came with the organisation (`with_branding`)."""
    branding = None if organisation is None else _row(organisation)
    if branding is None:
        return CONTERA
    name = branding.portal_name or CONTERA.name
    light, dark = colours_of(branding.accent, branding.accent_dark)
    return Brand(
        name=name,
        logo=branding.logo_digest,
        accent=light.lstrip("#"),
        accent_dark=dark.lstrip("#"),
        support_contact=branding.support_contact,
        sender_name=branding.sender_name or name,
    )


def colours_of(light: str, dark: str) -> tuple[str, str]:
    """Both accents, each readable in its theme; one that is not chosen follows the other."""
    if not (light or dark):
        return "", ""
    return readable(light or dark, LIGHT), readable(dark or light, DARK)


def style_sheet(light: str, dark: str) -> str:
    """The variables of tokens.css that a brand changes. Whatever the two colours are, what comes
    out can be read. Raises ValueError for what is no colour."""
    if not (is_colour(light) and is_colour(dark)):
        raise ValueError("colours are #rrggbb")
    one, other = shades(readable(light, LIGHT), LIGHT), shades(readable(dark, DARK), DARK)
    lines = [
        f"  --{name}: light-dark({getattr(one, field)}, {getattr(other, field)});"
        for name, field in _VARIABLES.items()
    ]
    return "\n".join([":root {", *lines, "}", ""])


_VARIABLES = {
    "accent": "accent",
    "accent-strong": "strong",
    "accent-soft": "soft",
    "on-accent": "text",
}


def _row(organisation: Organisation) -> Branding | None:
    try:
        return organisation.branding
    except Branding.DoesNotExist:
        return None
