"""A person's own e-mail address: changed by a link that goes to the new one.

Whether the new address has an account already is found out by the worker, and told to that address
alone: the page says the same, and as fast, for any address.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.limits import EMAIL_CHANGES, require
from accounts.models import User
from accounts.sign_ins import notify, record_for_person

LINK_HOURS = 24
_SALT = "accounts.email_change"


@dataclass(frozen=True)
class EmailChange:
    """What a link says; it is of use to this person alone, and only while `before` holds."""

    user_pk: str
    before: str
    after: str


def ask(user: User, email: str, actor: Actor) -> None:
    """Sends the link to the new address, and word of it to the present one."""
    from accounts import sign_in_tasks

    require(EMAIL_CHANGES, user.pk, "changes")
    email = email.strip().lower()
    if email == user.email:
        raise NotPossible("same_address", f"{email} is your address already.")
    with transaction.atomic():
        record_for_person(user, actor, "person.email_asked")
        send = sign_in_tasks.send_email_link.delay
        transaction.on_commit(lambda: send(str(user.pk), email), robust=True)
        notify(user, "person.email_asked", actor.address)


def link_of(user: User, email: str) -> str:
    facts = [str(user.pk), user.email or "", email]
    token = signing.dumps(facts, salt=_SALT)
    return f"{settings.CONTERA_BASE_URL}{reverse('own-email-link', kwargs={'token': token})}"


def read(token: str, user: User) -> EmailChange | None:
    """None for a link that is forged, too old, somebody else's, or used."""
    try:
        change = EmailChange(*signing.loads(token, salt=_SALT, max_age=LINK_HOURS * 3600))
    except (signing.BadSignature, TypeError):
        return None
    is_theirs = change.user_pk == str(user.pk) and change.before == (user.email or "")
    return change if is_theirs else None


def confirm(user: User, change: EmailChange, actor: Actor) -> None:
    """Raises NotPossible when somebody else took the address in between."""
    try:
        with transaction.atomic():
            still = User.objects.filter(pk=user.pk, email=change.before or None)
            if not still.update(email=change.after):
                raise NotPossible("used", "This link was used already.")
            user.email = change.after
            words = {"before": change.before, "after": change.after}
            record_for_person(user, actor, "person.email_changed", **words)
            notify(user, "person.email_changed", actor.address)
            if change.before:
                notify(user, "person.email_changed", actor.address, to=change.before)
    except IntegrityError:
        fact = f"{change.after} belongs to another account."
        raise NotPossible("address_taken", fact) from None
