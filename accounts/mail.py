"""Mails look like the organisation they speak for: its sender name, its name on top, whom to ask.

The address they come from stays the installation's: another one would not be believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Membership, Organisation, User
from accounts.organisations.brands import CONTERA, Brand, brand_of


def message(
    organisation: Organisation | None,
    subject: str,
    text: str,
    to: Sequence[str],
    *,
    html: str = "",
    **more: Any,  # as EmailMultiAlternatives takes it
) -> EmailMultiAlternatives:
    """`html` is a template that extends `mail/frame.html`, rendered with `brand`; left out, it is
    made of the text's paragraphs. Names of people never start a header: the subject is one line."""
    brand = brand_of(organisation)
    mail = EmailMultiAlternatives(
        one_line(subject), _signed(text, brand), _sender(brand), list(to), **more
    )
    mail.attach_alternative(html or _paragraphs(text, brand), "text/html")
    return mail


def rendered(
    organisation: Organisation | None,
    subject: str,
    template: str,
    facts: Mapping[str, object],
    to: Sequence[str],
    **more: Any,  # as above
) -> EmailMultiAlternatives:
    """A mail whose text is the template `<template>.txt`."""
    text = render_to_string(f"{template}.txt", {**facts, "brand": brand_of(organisation)})
    return message(organisation, subject, text, to, **more)


def organisation_for(user: User) -> Organisation | None:
    """Whose brand a mail about the account itself has: of the only organisation, else nobody's."""
    mine = Membership.objects.filter(user=user).select_related("organisation__branding")
    first_two = list(mine[:2])
    return first_two[0].organisation if len(first_two) == 1 else None


def one_line(text: str) -> str:
    return " ".join(text.split())


def _sender(brand: Brand) -> str:
    if brand.sender_name == CONTERA.sender_name:
        return settings.DEFAULT_FROM_EMAIL
    return formataddr((one_line(brand.sender_name), parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _signed(text: str, brand: Brand) -> str:
    support = f"\n\n--\n{brand.name}: {brand.support_contact}" if brand.support_contact else ""
    return f"{text.strip()}{support}\n"


def _paragraphs(text: str, brand: Brand) -> str:
    """One that is an address alone becomes a button."""
    parts = [part.strip("\n") for part in text.strip().split("\n\n")]
    rows = [{"text": part, "is_link": _is_address(part.strip())} for part in parts if part.strip()]
    return render_to_string("mail/message.html", {"brand": brand, "paragraphs": rows})


def _is_address(text: str) -> bool:
    return text.startswith(f"{settings.CONTERA_BASE_URL}/") and not any(map(str.isspace, text))
