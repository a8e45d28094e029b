"""Questions about recorders and cameras; every read starts at `visible_to(user)`.

What a grant covers: an organisation's administrators have every right; a grant without recorder
covers all recorders of the group's organisation; one with a recorder covers that recorder; one with
a camera covers that camera alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import Membership, Organisation
from accounts.querysets import is_signed_in

if TYPE_CHECKING:
    from accounts.models import User


def _grants_of(user: User | AnonymousUser) -> models.QuerySet[Any]:
    from recorders.models import Grant

    return Grant.objects.filter(group__memberships__in=Membership.objects.in_force(user))


class RecorderQuerySet(models.QuerySet[Any]):
    """Any: the model of a queryset is not known where its class is defined."""

    def present(self) -> RecorderQuerySet:
        return self.filter(removed_at=None)

    def visible_to(self, user: User | AnonymousUser) -> RecorderQuerySet:
        """Recorders of which the person may see anything at all."""
        return self._covered(user, Q())

    def with_right(self, user: User | AnonymousUser, right: str) -> RecorderQuerySet:
        """Recorders on which the person has the right as a whole, not on one camera."""
        return self._covered(user, Q(right=right, camera=None))

    def _covered(self, user: User | AnonymousUser, wanted: Q) -> RecorderQuerySet:
        if not is_signed_in(user):
            return self.none()
        covering = (
            Q(recorder=None, camera=None)
            | Q(recorder=OuterRef("pk"))
            | Q(camera__recorder=OuterRef("pk"))
        )
        grants = _grants_of(user).filter(
            covering, wanted, group__organisation=OuterRef("organisation")
        )
        return self.present().filter(
            Q(organisation__in=Organisation.objects.administered_by(user)) | Exists(grants)
        )


class CameraQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> CameraQuerySet:
        """Cameras of which the person may see anything at all."""
        return self._covered(user, ~Q(right="configure"))

    def with_right(self, user: User | AnonymousUser, right: str) -> CameraQuerySet:
        return self._covered(user, Q(right=right))

    def _covered(self, user: User | AnonymousUser, wanted: Q) -> CameraQuerySet:
        if not is_signed_in(user):
            return self.none()
        covering = (
            Q(recorder=None, camera=None)
            | Q(recorder=OuterRef("recorder"))
            | Q(camera=OuterRef("pk"))
        )
        grants = _grants_of(user).filter(
            covering, wanted, group__organisation=OuterRef("recorder__organisation")
        )
        return self.filter(recorder__removed_at=None).filter(
            Q(recorder__organisation__in=Organisation.objects.administered_by(user))
            | Exists(grants)
        )


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
    """Organisations to which the person may add recorders: administrators, and groups that
    configure everything."""
    if not is_signed_in(user):
        return Organisation.objects.none()
    grants = _grants_of(user).filter(
        right="configure", recorder=None, camera=None, group__organisation=OuterRef("pk")
    )
    return Organisation.objects.filter(
        Q(pk__in=Organisation.objects.administered_by(user).values("pk")) | Exists(grants)
    )
