"""Who signed in with a password that counts nowhere, because their organisation wants its people to
come through its identity provider."""

from __future__ import annotations

from dataclasses import replace

from accounts.models import IdentityProvider, Membership, User
from accounts.querysets import with_circumstances


def provider_to_use(user: User, *, is_strong: bool) -> IdentityProvider | None:
    """The one that waits for the person; None when they belong somewhere as it is. Ask it only
    after the password was right: it tells where somebody belongs."""
    how = replace(user.circumstances, is_strong=is_strong)
    if Membership.objects.in_force(with_circumstances(user, how)).exists():
        return None
    mine = Membership.objects.filter(user=user, state=Membership.State.ACTIVE)
    forced = IdentityProvider.objects.filter(
        is_enabled=True, is_forced=True, organisation__memberships__in=mine
    )
    found: IdentityProvider | None = (
        forced.select_related("organisation").order_by("organisation__name", "pk").first()
    )
    return found
