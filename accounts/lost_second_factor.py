"""Somebody lost the app, the passkeys and the recovery codes: an administrator takes them away.

Only for a person of this organisation alone: nobody else may weaken an account. It takes an
administrator who showed a second factor, is told to the person, and ends what they have open.
"""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import second_factor, tasks
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Membership, User
from accounts.sessions import sign_out_of_organisation


def may_be_removed(membership: Membership, administrator: User) -> bool:
    user = membership.user
    return (
        membership.state == Membership.State.ACTIVE
        and user != administrator
        and second_factor.has_one(user)
        and not user.memberships.exclude(pk=membership.pk).exists()
    )


@transaction.atomic
def remove_second_factor(membership: Membership, administrator: User, actor: Actor) -> None:
    if not may_be_removed(membership, administrator):
        raise NotPossible("not_theirs", f"{membership} has to remove the second factor alone.")
    if not administrator.circumstances.is_strong:
        raise NotPossible(
            "second_factor_needed", "Sign in with a second factor of your own to do this."
        )
    user = membership.user
    Authenticator.objects.filter(user=user).delete()
    second_factor.weaken_tokens(user)
    record(membership.organisation, actor, "person.second_factor_removed", user.login)
    sign_out_of_organisation(membership, actor)
    transaction.on_commit(
        lambda: tasks.send_second_factor_removed.delay(str(user.pk), actor.name), robust=True
    )
