"""Questions about organisations and people; every read starts at `visible_to(user)`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from accounts import audit_words
from accounts.circumstances import Circumstances

if TYPE_CHECKING:
    from accounts.models import User


MAX_DEALER_LEVELS = 4
CONSENT_RIGHTS = ("live", "playback", "export")


def is_signed_in(user: User | AnonymousUser) -> bool:
    return user.is_authenticated and user.is_active


def with_circumstances(user: User, how: Circumstances) -> User:
    """The same person, here in another way."""
    twin = copy(user)
    twin.circumstances = how
    return twin


def dealers_above(matches: Callable[[str], Q]) -> Q:
    """An organisation's dealer, or one above it, matches; `matches` gets the path to it."""
    condition = Q()
    for level in range(1, MAX_DEALER_LEVELS + 1):
        condition |= matches("__".join(["dealer"] * level))
    return condition


class OrganisationQuerySet(models.QuerySet[Any]):
    """Any: the model of a queryset is not known where its class is defined."""

    def visible_to(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        from accounts.models import Membership

        return self.filter(memberships__in=Membership.objects.in_force(user))

    def administered_by(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        from accounts.models import Group

        groups = Group.objects.in_force(user).filter(built_in=Group.BuiltIn.ADMINISTRATORS)
        return self.filter(pk__in=groups.values("organisation"))

    def dealerships_of(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        """Dealers for which the person acts: as one of their administrators or managers."""
        from accounts.models import Group

        acting = (Group.BuiltIn.ADMINISTRATORS, Group.BuiltIn.MANAGERS)
        groups = Group.objects.in_force(user).filter(built_in__in=acting)
        return self.filter(is_dealer=True, pk__in=groups.values("organisation"))

    def managed_by(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        """Customers of the dealers for which the person acts, and of dealers below them."""
        from accounts.models import Organisation

        return self.customers_of(Organisation.objects.dealerships_of(user).values("pk"))

    def customers_of(self, dealers: Collection[UUID] | models.QuerySet[Any]) -> Self:
        """Customers of any of these dealers, and of dealers below them."""
        return self.filter(dealers_above(lambda path: Q(**{f"{path}__in": dealers})))

    def below(self, dealer: Any) -> OrganisationQuerySet:
        """Customers of the dealer and of dealers below it (Any: an Organisation)."""
        return self.filter(dealers_above(lambda path: Q(**{path: dealer.pk})))

    def consented(
        self, user: User | AnonymousUser, right: str, now: datetime
    ) -> OrganisationQuerySet:
        """Customers that let a dealer, for which the person acts, have this right now."""
        from accounts.models import Organisation

        return self.consented_to(Organisation.objects.dealerships_of(user).values("pk"), right, now)

    def consented_to(
        self, dealers: Collection[UUID] | models.QuerySet[Any], right: str, now: datetime
    ) -> OrganisationQuerySet:
        """Customers that let one of these dealers have this right now."""
        from accounts.models import Consent

        if right not in CONSENT_RIGHTS:
            return self.none()
        consents = Consent.objects.in_force(now).filter(**{right: True}, dealer__in=dealers)
        return self.filter(pk__in=consents.values("organisation"))


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
        if how.viewed_as is not None:
            return self._through_the_eyes_of(how.viewed_as, user)
        mine = self.filter(user=user, state=self.model.State.ACTIVE)
        if how.signed_in_at is not None:
            mine = mine.exclude(signed_out_at__gte=how.signed_in_at)
        for only in (how.provider_of, how.only_organisation):
            if only is not None:
                mine = mine.filter(organisation=only)
        if how.provider_of is not None or user.is_service:
            return mine
        return mine.filter(self._may_pass_the_provider(is_strong=how.is_strong))

    def _may_pass_the_provider(self, *, is_strong: bool) -> Q:
        """Where single sign-on is forced, other ways to sign in do not count; administrators may
        use password and second factor, so that a broken provider locks nobody out."""
        from accounts.models import Group, IdentityProvider

        forced = IdentityProvider.objects.filter(is_enabled=True, is_forced=True)
        free = ~Q(organisation__in=forced.values("organisation"))
        if not is_strong:
            return free
        administrators = Group.objects.filter(built_in=Group.BuiltIn.ADMINISTRATORS)
        return free | Q(pk__in=administrators.values("memberships"))

    def _through_the_eyes_of(self, person: User, administrator: User) -> Self:
        """What the person belongs to, where the administrator administers: as after whatever
        sign-in is asked of the person."""
        from accounts.models import Organisation

        how = replace(administrator.circumstances, viewed_as=None)
        seeing = with_circumstances(administrator, how)
        organisations = Organisation.objects.administered_by(seeing)
        mine = self.filter(user=person, user__is_active=True, state=self.model.State.ACTIVE)
        return mine.filter(organisation__in=organisations.values("pk"))

    def administrators(self) -> Self:
        """Those who can administer right now."""
        return self.filter(
            groups__built_in="administrators",
            state=self.model.State.ACTIVE,
            user__is_active=True,
            user__is_service=False,
        )

    def people(self) -> Self:
        return self.filter(user__is_service=False)

    def services(self) -> Self:
        return self.filter(user__is_service=True)

    def search(self, words: str) -> Self:
        """Every word occurs in the name, the e-mail address or the user name."""
        found = self
        for word in words.split():
            login = Q(user__email__icontains=word) | Q(user__username__icontains=word)
            found = found.filter(Q(name__icontains=word) | login)
        return found


class GroupQuerySet(OrganisationOwnedQuerySet):
    def in_force(self, user: User | AnonymousUser) -> Self:
        """Groups that count for the person now: not those that ask for a second factor, unless
        there was one."""
        from accounts.models import Membership

        return self.filter(memberships__in=Membership.objects.in_force(user)).counting_for(user)

    def counting_for(self, user: User | AnonymousUser) -> Self:
        """Of groups the person is in: those that the way they signed in is enough for."""
        how = user.circumstances if not isinstance(user, AnonymousUser) else Circumstances()
        is_strong = how.is_strong or how.viewed_as is not None
        return self if is_strong else self.filter(requires_mfa=False)


class ConsentQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """For the administrators of the customer, and those who act for the dealer."""
        from accounts.models import Organisation

        mine = Organisation.objects.administered_by(user).values("pk")
        dealers = Organisation.objects.dealerships_of(user).values("pk")
        return self.filter(Q(organisation__in=mine) | Q(dealer__in=dealers))

    def in_force(self, now: datetime) -> Self:
        """Given, not over, and to a dealer that still is the customer's, or above it."""
        given = self.filter(state=self.model.State.GIVEN, starts_at__lte=now, ends_at__gt=now)
        return given.filter(dealers_above(lambda path: Q(dealer=F(f"organisation__{path}"))))


def _called(words: str, **person: str) -> Q:
    """Lines of whose organisation somebody is called so; `person`: the line's field for them."""
    from accounts.models import Membership

    at = {name: OuterRef(path) for name, path in person.items()}
    named = Membership.objects.filter(organisation=OuterRef("organisation"), name__icontains=words)
    return Q(Exists(named.filter(**at)))


class AuditQuerySet(OrganisationOwnedQuerySet):
    def about(
        self,
        who: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        group: str = "",
        target: str = "",
        address: str = "",
    ) -> Self:
        """Narrowed by what is given; `who` and `target` are parts of the words, or of the name that
        a person has in the organisation now; `until` is exclusive, `group` is one of
        `audit_words.GROUPS`."""
        wanted = {"action": action, "at__gte": since, "at__lt": until, "address": address}
        found = self.filter(**{name: value for name, value in wanted.items() if value})
        if who:
            found = found.filter(Q(actor_name__icontains=who) | _called(who, user="actor"))
        if target:
            login = _called(target, user__email="target") | _called(target, user__username="target")
            found = found.filter(Q(target__icontains=target) | login)
        things = audit_words.things_of(group)
        begins = [Q(action__startswith=thing) for thing in things]
        return found.filter(reduce(or_, begins)) if begins else found


class ApiTokenQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> ApiTokenQuerySet:
        """One's own; from within one organisation, those that are bound to it."""
        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        mine, within = self.filter(user=user), user.circumstances.within
        return mine if within is None else mine.filter(organisation=within)
