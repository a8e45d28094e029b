"""What an identity provider says about somebody, and why it is not believed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.names import validate_name, without_extra_space

MAX_SUBJECT = 255
MAX_GROUPS = 500
MAX_TEXT = 254
MAX_NAME = 100


class Refused(Exception):
    """A sign-in that is not accepted; `code` is stable, `message` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Identity:
    """`email` is in lower case, and "" unless the provider vouches for it."""

    subject: str
    email: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()
    is_strong: bool = False  # the provider asked for more than a password


def made_identity(
    subject: object, email: object, name: object, groups: object, *, is_strong: bool
) -> Identity:
    """From what came, which may be of any type. Raises Refused without a usable subject."""
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise Refused("no_subject", "The identity provider does not say who signs in.")
    several = groups if isinstance(groups, list | tuple) else [groups]
    values = [g for g in several if isinstance(g, str) and 0 < len(g) <= MAX_TEXT]
    return Identity(
        subject, _email(email), _name(name), tuple(values[:MAX_GROUPS]), is_strong=is_strong
    )


def _email(email: object) -> str:
    text = email.strip().lower() if isinstance(email, str) else ""
    try:
        validate_email(text)
    except ValidationError:
        return ""
    return text if len(text) <= MAX_TEXT else ""


def _name(name: object) -> str:
    """As one typed here must be; a name that is not goes without saying."""
    text = without_extra_space(name) if isinstance(name, str) else ""
    try:
        validate_name(text)
    except ValidationError:
        return ""
    return text[:MAX_NAME]
