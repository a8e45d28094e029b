"""Links that let one person join one organisation once.

A link is bound to its membership, to what the person signs in with, and to the last time somebody
invited them: an older one is useless, as is one that was taken up or withdrawn. It lets somebody
without a password choose one; whoever has one must sign in first, so a link that an administrator
hands over never opens an account that exists.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import Membership
from accounts.models.people import INVITATION_LIFETIME

LIFETIME = INVITATION_LIFETIME
_SALT = "accounts.invitation"


def renew(membership: Membership, now: datetime) -> None:
    """From now on, older links are void."""
    membership.invitation, membership.invited_at = secrets.token_urlsafe(16), now
    membership.save(update_fields=["invitation", "invited_at"])


def token_of(membership: Membership) -> str:
    facts = [membership.pk, membership.invitation, membership.user.login]
    return signing.dumps(facts, salt=_SALT)


def link_of(membership: Membership) -> str:
    path = reverse("invitation-link", kwargs={"token": token_of(membership)})
    return f"{settings.CONTERA_BASE_URL}{path}"


def find(token: str, now: datetime) -> Membership | None:
    """The open invitation; None when the link is forged, too old, replaced, used or withdrawn."""
    try:
        pk, nonce, login = signing.loads(token, salt=_SALT, max_age=LIFETIME)
    except (signing.BadSignature, ValueError, TypeError):  # also a link of an older release
        return None
    memberships = Membership.objects.select_related("user", "organisation")
    found: Membership | None = memberships.filter(
        pk=pk, invitation=nonce, state=Membership.State.INVITED
    ).first()
    if found is None or found.user.login != login or found.is_invitation_over(now):
        return None
    return found
