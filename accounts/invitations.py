"""Links that let one person join one organisation once.

A link is bound to its membership and useless once that was taken up or withdrawn. It lets somebody
without a password choose one; whoever has one must sign in first, so a link that an administrator
hands over never opens an account that exists.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import Membership

LIFETIME = timedelta(days=7)
_SALT = "accounts.invitation"


def token_of(membership: Membership) -> str:
    return signing.dumps(membership.pk, salt=_SALT)


def link_of(membership: Membership) -> str:
    path = reverse("invitation-link", kwargs={"token": token_of(membership)})
    return f"{settings.CONTERA_BASE_URL}{path}"


def find(token: str) -> Membership | None:
    """The open invitation; None when the link is forged, too old, used or withdrawn."""
    try:
        pk = signing.loads(token, salt=_SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    memberships = Membership.objects.select_related("user", "organisation")
    return memberships.filter(pk=pk, state=Membership.State.INVITED).first()
