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
        from accounts.models import Group

        groups = Group.objects.in_force(user).filter(built_in=Group.BuiltIn.ADMINISTRATORS)
        return self.filter(groups__in=groups)


class OrganisationOwnedQuerySet(models.QuerySet[Any]):
    """Rows that only the administrators of their organisation see: people, groups, audit."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        from accounts.models import Organisation

        return self.filter(organisation__in=Organisation.objects.administered_by(user))


class MembershipQuerySet(OrganisationOwnedQuerySet):
    def in_force(self, user: User | AnonymousUser) -> Self:
        """Where the person belongs now: neither only invited nor disabled, and as the organisation
        wants its people to sign in."""
        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        how = user.circumstances
        mine = self.filter(user=user, state=self.model.State.ACTIVE)
        for only in (how.provider_of, how.only_organisation):
            if only is not None:
                mine = mine.filter(organisation=only)
        return mine

    def administrators(self) -> Self:
        """Those who can administer right now."""
        return self.filter(
            groups__built_in="administrators", state=self.model.State.ACTIVE, user__is_active=True
        )

    def search(self, words: str) -> Self:
        """Every word occurs in the name or the e-mail address."""
        found = self
        for word in words.split():
            found = found.filter(Q(name__icontains=word) | Q(user__email__icontains=word))
        return found


class GroupQuerySet(OrganisationOwnedQuerySet):
    def in_force(self, user: User | AnonymousUser) -> Self:
        """Groups that count for the person now: not those that ask for a second factor, unless
        there was one."""
        from accounts.models import Membership

        groups = self.filter(memberships__in=Membership.objects.in_force(user))
        is_strong = isinstance(user, AnonymousUser) or user.circumstances.is_strong
        return groups if is_strong else groups.filter(requires_mfa=False)


class ConsentQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """For the administrators of both sides."""
        from accounts.models import Organisation

        mine = Organisation.objects.administered_by(user)
        return self.filter(Q(organisation__in=mine) | Q(dealer__in=mine))

    def in_force(self, now: datetime) -> Self:
        return self.filter(state=self.model.State.GIVEN, starts_at__lte=now, ends_at__gt=now)


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
