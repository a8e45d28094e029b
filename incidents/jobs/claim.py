"""Who works on an export: a lease in its row, and writes that only the holder can make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from incidents.announce import announce
from incidents.jobs.outcomes import ClaimLost
from incidents.models import Export, ExportedClip

LEASE = timedelta(seconds=40)  # with the beat every 15 s: continued within 60 s of a death
RENEW_AFTER = timedelta(seconds=5)
ANNOUNCE_AFTER = timedelta(seconds=1)  # a page shows progress once per second


class Claim:
    """The right to work on one export. Every write raises ClaimLost once it is gone."""

    def __init__(self, export: Export, clock: Callable[[], datetime]) -> None:
        self.export = export
        self._clock = clock
        self._renewed_at = self._announced_at = clock()

    @classmethod
    def take(cls, export_id: UUID, clock: Callable[[], datetime] = timezone.now) -> Claim | None:
        """The claim, or None when the export is gone, done, held by another, or not due."""
        now = clock()
        due = Export.objects.due(now).filter(pk=export_id)
        export = due.first()
        if export is None:
            return None
        # A worker that died counts: one that is killed at the same place each time must end.
        lost = F("failures") + (1 if export.state == Export.State.RUNNING else 0)
        taken = due.filter(attempt=export.attempt).update(
            state=Export.State.RUNNING,
            attempt=export.attempt + 1,
            lease_until=now + LEASE,
            failures=lost,
        )
        if taken != 1:
            return None
        found = Export.objects.select_related("incident__organisation", "requested_by")
        export = found.filter(pk=export_id).first()
        return cls(export, clock) if export else None

    @property
    def now(self) -> datetime:
        return self._clock()

    def keep(self) -> None:
        """Called by every loop that moves bytes."""
        if self.now - self._renewed_at >= RENEW_AFTER:
            self.save(lease_until=self.now + LEASE)
            self._renewed_at = self.now

    def save(self, **fields: Any) -> None:
        """Write to the export (Any: values of its fields)."""
        if self._mine().update(**fields) != 1:
            raise ClaimLost
        self._remember(self.export, fields)

    def progress(self, clip: ExportedClip, **fields: Any) -> None:
        """Write to a clip that moved on: earlier failures do not count any more."""
        self.save_clip(clip, error="", **fields)
        if self.export.failures or self.export.stalled_since:
            self.save(failures=0, stalled_since=None)

    def save_clip(self, clip: ExportedClip, **fields: Any) -> None:
        """Write to a clip without calling it progress."""
        mine = ExportedClip.objects.filter(pk=clip.pk, export__in=self._mine())
        if mine.update(**fields) != 1:
            raise ClaimLost
        self._remember(clip, fields)
        if "state" in fields or self.now - self._announced_at >= ANNOUNCE_AFTER:
            self._announced_at = self.now
            announce(self.export.incident_id)

    def release(self, **fields: Any) -> None:
        """Write the last state and let go."""
        self.save(lease_until=None, **fields)
        announce(self.export.incident_id)

    def _mine(self) -> Any:  # a queryset of exports; django-stubs has no name for ours
        return Export.objects.filter(
            pk=self.export.pk, attempt=self.export.attempt, state=Export.State.RUNNING
        )

    @staticmethod
    def _remember(row: Export | ExportedClip, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
