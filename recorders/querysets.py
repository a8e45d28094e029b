"""Questions about recorders and cameras; every read starts at `visible_to(user)`.

`recorders.reach` makes the conditions: who may do what is decided there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import Organisation, User
from accounts.querysets import is_signed_in
from protocol.tokens import RIGHTS
from recorders.grants.held import Span
from recorders.reach import Reach


class RecorderQuerySet(models.QuerySet[Any]):
    """Any: the model of a queryset is not known where its class is defined."""

    def present(self) -> RecorderQuerySet:
        return self.filter(removed_at=None)

    def visible_to(self, user: User | AnonymousUser) -> RecorderQuerySet:
        """Recorders of which the person may see anything at all."""
        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        reach = Reach(user, is_reading=True)
        return self.present().filter(reach.recorders(RIGHTS) | reach.recorders_of_cameras(RIGHTS))

    def with_right(
        self, user: User | AnonymousUser, right: str, now: datetime | None = None
    ) -> RecorderQuerySet:
        """Recorders on which the person has the right as a whole, not on one camera."""
        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        return self.present().filter(Reach(user, now).recorders([right]))

    def with_rights_of(self, user: User) -> RecorderQuerySet:
        """Each with `may_live` and so on: the person's rights on it as a whole."""
        reach = Reach(user)
        may = {
            f"may_{right}": models.ExpressionWrapper(
                reach.recorders([right]), output_field=models.BooleanField()
            )
            for right in RIGHTS
        }
        found: RecorderQuerySet = self.annotate(**may)
        return found


class CameraQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> CameraQuerySet:
        """Cameras of which the person may see anything at all."""
        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        return self._present().filter(Reach(user, is_reading=True).cameras(RIGHTS))

    def with_right(
        self, user: User | AnonymousUser, right: str, now: datetime | None = None
    ) -> CameraQuerySet:
        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        return self._present().filter(Reach(user, now).cameras([right]))

    def with_footage(
        self, user: User | AnonymousUser, right: str, start: datetime, end: datetime
    ) -> CameraQuerySet:
        """Cameras of which the person has `right` for all of `start` to `end`, by one source."""
        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        return self._present().filter(Reach(user).covering(right, Span(start, end)))

    def _present(self) -> CameraQuerySet:
        return self.filter(recorder__removed_at=None)


class GrantQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """For the administrators of the group's organisation."""
        administered = Organisation.objects.administered_by(user)
        return self.filter(group__organisation__in=administered.values("pk"))

    def dated(self, now: datetime) -> Self:
        """Those whose dates hold; other limits are judged by `recorders.grants.held`."""
        return self.filter(
            Q(holds_from=None) | Q(holds_from__lte=now),
            Q(holds_until=None) | Q(holds_until__gt=now),
        )

    def with_any(self, rights: Iterable[str]) -> Self:
        """Grants of one of the rights at least."""
        return self.filter(reduce(or_, (Q(**{f"may_{right}": True}) for right in rights)))

    def covering(self, start: str, end: str) -> Self:
        """In a subquery: those that reach all footage between two times of the row outside."""
        return self.filter(
            Q(footage_from=None) | Q(footage_from__lte=OuterRef(start)),
            Q(footage_to=None) | Q(footage_to__gte=OuterRef(end)),
        )

    def unlimited(self) -> Self:
        return self.filter(
            holds_from=None,
            holds_until=None,
            is_judged=False,
            footage_from=None,
            footage_to=None,
        )

    def people(self) -> models.QuerySet[User]:
        """Whoever has one of them, each once."""
        return User.objects.filter(memberships__groups__grants__in=self).distinct()


class HiddenCameraQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """For the administrators of the group's organisation."""
        administered = Organisation.objects.administered_by(user)
        return self.filter(group__organisation__in=administered.values("pk"))

    def of(self, user: User) -> Self:
        """Hidden from the person by any group they are in, whatever else holds now."""
        person = user.circumstances.viewed_as or user
        return self.filter(group__memberships__user=person)


class OfRecorderQuerySet(models.QuerySet[Any]):
    """Rows that belong to a recorder and are for those who configure it."""

    def visible_to(self, user: User | AnonymousUser) -> OfRecorderQuerySet:
        from recorders.models import Recorder

        return self.filter(recorder__in=Recorder.objects.with_right(user, "configure"))


class LocationQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> LocationQuerySet:
        """Locations with a recorder the person sees; all of them for who may add recorders."""
        from recorders.models import Recorder

        if not is_signed_in(user):
            return self.none()
        here = Recorder.objects.visible_to(user).filter(location=OuterRef("pk"))
        return self.filter(Q(organisation__in=configurable_by(user)) | Exists(here))


class RegistrationCodeQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> RegistrationCodeQuerySet:
        """Codes of the organisations to which the person may add recorders."""
        return self.filter(organisation__in=configurable_by(user))


def configurable_by(user: User | AnonymousUser) -> models.QuerySet[Any]:
    """Organisations to which the person may add recorders: those where they configure everything,
    and customers."""
    if isinstance(user, AnonymousUser) or not is_signed_in(user):
        return Organisation.objects.none()
    return Organisation.objects.filter(Reach(user).organisations("configure"))
