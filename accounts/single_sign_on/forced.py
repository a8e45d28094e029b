"""Who signed in by a way that counts nowhere, because their organisation wants its people to come
through its identity provider."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import QuerySet

from accounts.models import IdentityProvider, Membership, User
from accounts.querysets import with_circumstances


def provider_to_use(user: User, *, is_strong: bool) -> IdentityProvider | None:
    """The one that waits for the person; None when they belong somewhere as it is."""
    waiting = providers_to_use(user, is_strong=is_strong).select_related("organisation")
    found: IdentityProvider | None = waiting.order_by("organisation__name", "pk").first()
    return found


def providers_to_use(user: User, *, is_strong: bool) -> QuerySet[IdentityProvider]:
    """Of all organisations that wait for the person; none when they belong somewhere as it is. Ask
    it only about who signed in: it tells where somebody belongs."""
    how = replace(user.circumstances, is_strong=is_strong)
    if Membership.objects.in_force(with_circumstances(user, how)).exists():
        return IdentityProvider.objects.none()
    mine = Membership.objects.filter(user=user, state=Membership.State.ACTIVE)
    return IdentityProvider.objects.filter(
        is_enabled=True, is_forced=True, organisation__memberships__in=mine
    )
