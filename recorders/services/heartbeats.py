"""Keeps what a recorder reports about itself and its cameras."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from recorders.models import Camera, Recorder
from recorders.reports import CameraReport, Heartbeat
from recorders.services.presence import tell_cameras, tell_online

_CAMERA_FIELDS = (
    "name",
    "state",
    "detail",
    "profiles",
    "recorded_from",
    "recorded_to",
    "is_present",
)


class RecorderRemoved(Exception):
    """The recorder was removed from the portal."""


def note_heartbeat(
    recorder: Recorder, heartbeat: Heartbeat, address: str | None, now: datetime
) -> None:
    """Two queries when no camera changed; raises RecorderRemoved."""
    _keep(recorder, heartbeat, address, now)
    known = {camera.number: camera for camera in Camera.objects.filter(recorder=recorder)}
    reported = [_reported(recorder, camera) for camera in heartbeat.cameras]
    changed = [camera for camera in reported if _differs(known.get(camera.number), camera)]
    gone = set(known) - {camera.number for camera in reported}
    gone = {number for number in gone if known[number].is_present}
    if changed or gone:
        _synchronise(recorder, changed, gone)
        tell_cameras(recorder, known, changed)
    tell_online(recorder)


def _keep(recorder: Recorder, heartbeat: Heartbeat, address: str | None, now: datetime) -> None:
    facts: dict[str, Any] = {
        "last_seen_at": now,
        "model": heartbeat.model,
        "version": heartbeat.version,
        "external_address": address,
        "local_addresses": heartbeat.local_addresses,
        **vars(heartbeat.connection),
        "capabilities": heartbeat.capabilities,
        "clock_offset_s": (heartbeat.time - now).total_seconds(),
    }
    if heartbeat.storage is not None:  # else the portal keeps what it had
        facts["storage"] = heartbeat.storage.as_json()
    if not Recorder.objects.present().filter(pk=recorder.pk).update(**facts):
        raise RecorderRemoved
    for name, value in facts.items():
        setattr(recorder, name, value)


def _reported(recorder: Recorder, report: CameraReport) -> Camera:
    return Camera(
        recorder=recorder,
        number=report.number,
        name=report.name or f"Camera {report.number}",
        state=report.state,
        detail=report.detail,
        profiles={name: asdict(profile) for name, profile in report.profiles.items()},
        recorded_from=report.recorded_from,
        recorded_to=report.recorded_to,
        is_present=True,
    )


def _differs(known: Camera | None, reported: Camera) -> bool:
    return known is None or any(
        getattr(known, field) != getattr(reported, field) for field in _CAMERA_FIELDS
    )


def _synchronise(recorder: Recorder, changed: list[Camera], gone: Iterable[int]) -> None:
    """A camera that comes back is the same row: its id, grants and incidents stay.

    One statement adds and updates, so two heartbeats at once do not trip over each other.
    """
    with transaction.atomic():
        Camera.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["recorder", "number"],
            update_fields=_CAMERA_FIELDS,
        )
        if gone:
            Camera.objects.filter(recorder=recorder, number__in=gone).update(is_present=False)
