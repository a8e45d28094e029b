"""Questions about organisations and people; every read starts at `visible_to(user)`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User


def is_signed_in(user: User | AnonymousUser) -> bool:
    return user.is_authenticated and user.is_active


class OrganisationQuerySet(models.QuerySet[Any]):
    """Any: the model of a queryset is not known where its class is defined."""

    def visible_to(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        from accounts.models import Membership

        return self.filter(memberships__in=Membership.objects.in_force(user))

    def administered_by(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        from accounts.models import Group, Membership

        groups = Group.objects.filter(
            is_administrators=True, memberships__in=Membership.objects.in_force(user)
        )
        return self.filter(groups__in=groups)


class OrganisationOwnedQuerySet(models.QuerySet[Any]):
    """Rows that only the administrators of their organisation see: people, groups, audit."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        from accounts.models import Organisation

        return self.filter(organisation__in=Organisation.objects.administered_by(user))


class MembershipQuerySet(OrganisationOwnedQuerySet):
    def in_force(self, user: User | AnonymousUser) -> Self:
        """Where the person belongs now: neither only invited nor disabled."""
        if not is_signed_in(user):
            return self.none()
        return self.filter(user=user, state=self.model.State.ACTIVE)

    def administrators(self) -> Self:
        """Those who can administer right now."""
        return self.filter(
            groups__is_administrators=True, state=self.model.State.ACTIVE, user__is_active=True
        )

    def search(self, words: str) -> Self:
        """Every word occurs in the name or the e-mail address."""
        found = self
        for word in words.split():
            found = found.filter(Q(name__icontains=word) | Q(user__email__icontains=word))
        return found


class AuditQuerySet(OrganisationOwnedQuerySet):
    def about(
        self,
        who: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Self:
        """Narrowed by what is given; `who` is a part of the actor's words, `until` is exclusive."""
        wanted = {"actor_name__icontains": who, "action": action, "at__gte": since, "at__lt": until}
        return self.filter(**{name: value for name, value in wanted.items() if value})


class ApiTokenQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> ApiTokenQuerySet:
        return self.filter(user=user) if is_signed_in(user) else self.none()
