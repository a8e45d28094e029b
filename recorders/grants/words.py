"""Grants in whole sentences, with the names of what they are about: for pages and the audit
trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from recorders.grants.sentences import limits_words, rights_words
from recorders.grants.values import GrantValue, Scope
from recorders.models import Camera, Location, Recorder


@dataclass(frozen=True)
class Places:
    """What scopes are called, read in one query for each kind."""

    locations: Mapping[UUID, Location]
    recorders: Mapping[UUID, Recorder]
    cameras: Mapping[UUID, Camera]

    @classmethod
    def of(cls, scopes: Iterable[Scope]) -> Places:
        known = list(scopes)
        return cls(
            Location.objects.in_bulk([s.location_id for s in known if s.location_id]),
            Recorder.objects.in_bulk([s.recorder_id for s in known if s.recorder_id]),
            Camera.objects.select_related("recorder").in_bulk(
                [s.camera_id for s in known if s.camera_id]
            ),
        )

    def words(self, scope: Scope) -> str:
        """`everything`, `Depot`, `Gate`, `Gate, camera 2 Door`."""
        if scope.camera_id:
            camera = self.cameras[scope.camera_id]
            return f"{camera.recorder}, camera {camera.number} {camera}"
        if scope.recorder_id:
            return str(self.recorders[scope.recorder_id])
        return str(self.locations[scope.location_id]) if scope.location_id else "everything"


def grants_in_words(values: Iterable[GrantValue], zone: ZoneInfo) -> list[str]:
    """`Live and recorded: Gate, until 3 May 2026`; sorted."""
    known = list(values)
    places = Places.of(value.scope for value in known)
    return sorted(_words(value, places, zone) for value in known)


def _words(value: GrantValue, places: Places, zone: ZoneInfo) -> str:
    limits = ", ".join(["", *limits_words(value.limits, zone)])
    reason = f" ({value.reason})" if value.reason else ""
    return f"{rights_words(value.rights)}: {places.words(value.scope)}{limits}{reason}"
