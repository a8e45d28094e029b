"""Links by which a person chooses a new password. None gets around a second factor."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.limits import PASSWORD_LINKS, require
from accounts.models import Membership, User


def password_link(user: User) -> str:
    """Works once, until the person signs in or has a new password; for a day."""
    key = default_token_generator.make_token(user)
    path = reverse(
        "account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key}
    )
    return f"{settings.CONTERA_BASE_URL}{path}"


def may_be_handed_over(membership: Membership) -> bool:
    """For people without e-mail, whose account is of this organisation alone: of nobody else may
    an administrator open the account."""
    user = membership.user
    return (
        membership.state == Membership.State.ACTIVE
        and not user.email
        and user.has_usable_password()
        and not user.memberships.exclude(pk=membership.pk).exists()
    )


@transaction.atomic
def link_to_hand_over(membership: Membership, actor: Actor) -> str:
    if not may_be_handed_over(membership):
        raise NotPossible("not_theirs", f"{membership} gets a new password by mail.")
    require(PASSWORD_LINKS, membership.user_id, "links for one person")
    record(membership.organisation, actor, "person.password_link_made", membership.user.login)
    return password_link(membership.user)
