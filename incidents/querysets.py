"""Questions about incidents; every read starts at `visible_to(user)`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.querysets import is_signed_in
from recorders.reach import Reach

if TYPE_CHECKING:
    from accounts.models import User

MAIL_TRIES = 5  # then the page alone tells how it ended


class IncidentQuerySet(models.QuerySet[Any]):
    """Any: the model of a queryset is not known where its class is defined."""

    def visible_to(self, user: User | AnonymousUser) -> IncidentQuerySet:
        """Incidents of which the person may export every camera for the whole time: shown whole
        or not at all."""
        from incidents.models import IncidentCamera

        if isinstance(user, AnonymousUser) or not is_signed_in(user):
            return self.none()
        cameras = IncidentCamera.objects.filter(incident=OuterRef("pk"))
        reached = Reach(user).throughout("export", "camera", ("incident__start", "incident__end"))
        covered = Q(camera__recorder__removed_at=None) & reached
        some = IncidentCamera.objects.filter(covered).values("incident")
        return self.filter(~Exists(cameras.filter(~covered)), pk__in=some)

    def search(self, words: str) -> IncidentQuerySet:
        """With these words in title, note, or the name of a camera or its recorder."""
        if not words:
            return self
        by_camera = Q(cameras__name__icontains=words) | Q(cameras__recorder__name__icontains=words)
        by_text = Q(title__icontains=words) | Q(note__icontains=words)
        return self.filter(by_text | by_camera).distinct()

    def about(
        self,
        *,
        search: str = "",
        camera: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> IncidentQuerySet:
        """Of a camera, with video of some of this time."""
        found = self.search(search)
        if camera is not None:
            found = found.filter(pk__in=self.filter(cameras=camera).values("pk"))
        if since is not None:
            found = found.filter(end__gt=since)
        return found if until is None else found.filter(start__lt=until)


class OfIncidentQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> OfIncidentQuerySet:
        from incidents.models import Incident

        return self.filter(incident__in=Incident.objects.visible_to(user))

    def due(self, now: datetime) -> OfIncidentQuerySet:
        """Exports that a worker may claim: queued and due, or with a lost lease."""
        from incidents.models import Export

        waiting = Q(state=Export.State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
        lost = Q(state=Export.State.RUNNING, lease_until__lt=now)
        return self.filter(waiting | lost)

    def unannounced(self, now: datetime) -> OfIncidentQuerySet:
        """Exports that ended and whose mail nobody has claimed yet."""
        from incidents.models import Export

        return self.filter(
            Q(not_before=None) | Q(not_before__lte=now),
            state__in=(Export.State.DONE, Export.State.FAILED),
            notified_at=None,
            mail_failures__lt=MAIL_TRIES,
        )


class OfExportQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> OfExportQuerySet:
        from incidents.models import Export

        return self.filter(export__in=Export.objects.visible_to(user))
