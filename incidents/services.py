"""What people do with incidents and exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.audit import Actor, record
from accounts.models import User
from incidents import tasks
from incidents.announce import announce
from incidents.jobs.removal import give_up_objects
from incidents.models import Export, ExportedClip, Incident, IncidentCamera
from protocol.footage import Span
from protocol.times import format_time
from recorders.grants.limits import zone_of
from recorders.grants.sentences import moment_words
from recorders.models import Camera
from recorders.policy import explain

MAX_RANGE = timedelta(hours=24)  # what a recorder makes into one clip
MAX_CAMERAS = 16
MAX_UNFINISHED = 20  # exports of one organisation, so that it cannot hold up the others
SETTLE = timedelta(seconds=5)  # the last seconds of a live recording reach its disk


class NotPossible(Exception):
    """The request makes no sense for what is there; the text is a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadRange(NotPossible):
    """The time range cannot be exported; `field` is `start` or `end`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("bad_range", message)
        self.field = field


@dataclass(frozen=True)
class NewIncident:
    """What a person asks to keep; the export right on every camera is checked already."""

    title: str
    cameras: Sequence[Camera]
    start: datetime
    end: datetime
    note: str = ""


def check_range(start: datetime, end: datetime, now: datetime) -> None:
    """Raises BadRange."""
    if start >= now:
        raise BadRange("start", "The start is in the future.")
    if end > now:
        raise BadRange("end", "The end is in the future.")
    if end <= start:
        raise BadRange("end", "The end must be after the start.")
    if end - start > MAX_RANGE:
        raise BadRange("end", "The range is longer than 24 hours. Make several incidents.")


def require_footage(user: User, wanted: NewIncident) -> None:
    """Raises NotPossible when the person may not export all of the time of each camera."""
    covered = Camera.objects.with_footage(user, "export", wanted.start, wanted.end)
    ids = [camera.pk for camera in wanted.cameras]
    known = set(covered.filter(pk__in=ids).values_list("pk", flat=True))
    for camera in wanted.cameras:
        if camera.pk not in known:
            raise NotPossible("footage_not_granted", _footage_words(user, camera))


def _footage_words(user: User, camera: Camera) -> str:
    found = explain(user, camera.recorder)
    zone = zone_of(camera.recorder.organisation.time_zone)
    spans = [_span_words(span, zone) for span in found.spans("export", camera)]
    if not spans:
        return f"You may not export camera “{camera}”."
    return f"You may export camera “{camera}” only {', or '.join(spans)}."


def _span_words(span: Span, zone: ZoneInfo) -> str:
    start, end = (at and moment_words(datetime.fromtimestamp(at, UTC), zone) for at in span)
    if start and end:
        return f"from {start} to {end}"
    return f"from {start} on" if start else f"until {end}"


def create_incident(user: User, wanted: NewIncident, actor: Actor, now: datetime) -> Incident:
    """The incident and its first export. Raises NotPossible."""
    check_range(wanted.start, wanted.end, now)
    cameras = wanted.cameras
    organisations = {camera.recorder.organisation_id for camera in cameras}
    if len(organisations) != 1:
        raise NotPossible("bad_cameras", "Choose cameras of one organisation.")
    if len(cameras) > MAX_CAMERAS:
        raise NotPossible("bad_cameras", f"An incident has at most {MAX_CAMERAS} cameras.")
    require_footage(user, wanted)
    with transaction.atomic():
        incident = Incident.objects.create(
            organisation=cameras[0].recorder.organisation,
            title=wanted.title,
            note=wanted.note,
            start=wanted.start,
            end=wanted.end,
            created_by=user,
        )
        IncidentCamera.objects.bulk_create(
            IncidentCamera(incident=incident, camera=camera) for camera in cameras
        )
        _audit(incident, actor, "incident.created", cameras=[camera.name for camera in cameras])
        request_export(user, incident, actor, now)
    return incident


def request_export(user: User, incident: Incident, actor: Actor, now: datetime) -> Export:
    """Queue an export of all cameras of the incident, with the rights of `user`."""
    unfinished = Export.objects.filter(
        incident__organisation=incident.organisation_id, state__in=Export.UNFINISHED
    ).count()
    if unfinished >= MAX_UNFINISHED:
        raise NotPossible(
            "too_many", f"{unfinished} exports are not finished yet. Wait for one, or cancel one."
        )
    with transaction.atomic():
        export = Export.objects.create(
            incident=incident,
            requested_by=user,
            circumstances=user.circumstances.to_json(),
            not_before=max(now, incident.end + SETTLE),
        )
        ExportedClip.objects.bulk_create(
            ExportedClip(export=export, camera=camera, start=incident.start)
            for camera in incident.cameras.all()
        )
        _audit_export(export, actor, "export.created")
        tasks.send_after_commit(tasks.run_export, str(export.pk))
    return export


def cancel_export(export: Export, actor: Actor, now: datetime) -> None:
    """Stop it and remove what it stored. Raises NotPossible when it has ended."""
    with transaction.atomic():
        stopped = Export.objects.filter(pk=export.pk, state__in=Export.UNFINISHED).update(
            state=Export.State.CANCELLED, finished_at=now, error=""
        )
        if stopped != 1:
            raise NotPossible("has_ended", "The export has ended already.")
        give_up_objects(Export.objects.select_related("incident").get(pk=export.pk), now)
        _audit_export(export, actor, "export.cancelled")
        tasks.send_after_commit(tasks.remove_objects)
        transaction.on_commit(lambda: announce(export.incident_id))


def retry_export(user: User, export: Export, actor: Actor, now: datetime) -> None:
    """A failed export goes on where it was, from now on in the name of `user`."""
    with transaction.atomic():
        again = Export.objects.filter(pk=export.pk, state=Export.State.FAILED).update(
            state=Export.State.QUEUED,
            requested_by=user,
            circumstances=user.circumstances.to_json(),
            failures=0,
            mail_failures=0,
            error="",
            not_before=None,
            stalled_since=None,
            finished_at=None,
            notified_at=None,
        )
        if again != 1:
            raise NotPossible("not_failed", "Only a failed export can be tried again.")
        ExportedClip.objects.filter(export=export, state=ExportedClip.State.MISSING).update(
            state=ExportedClip.State.WAITING
        )
        _audit_export(export, actor, "export.retried")
        tasks.send_after_commit(tasks.run_export, str(export.pk))
        transaction.on_commit(lambda: announce(export.incident_id))


def may_delete(person: User, incident: Incident) -> bool:
    """What was kept of a camera goes with the right to delete: on every camera of the incident."""
    allowed = Camera.objects.with_right(person, "delete").values("pk")
    return not IncidentCamera.objects.filter(incident=incident).exclude(camera__in=allowed).exists()


def require_deletable(person: User, incident: Incident) -> None:
    """Raises PermissionDenied."""
    if not may_delete(person, incident):
        raise PermissionDenied("This needs the right to delete on every camera of the incident.")


def delete_incident(person: User, incident: Incident, actor: Actor, now: datetime) -> None:
    """The incident, its exports and their files; the audit trail keeps what it was.

    Raises PermissionDenied.
    """
    require_deletable(person, incident)
    with transaction.atomic():
        # First the state, so that a worker which is storing right now writes nothing after this.
        exports = Export.objects.select_for_update().filter(incident=incident)
        exports.filter(state__in=Export.UNFINISHED).update(state=Export.State.CANCELLED)
        for export in exports.all():
            export.incident = incident
            give_up_objects(export, now)
        _audit(incident, actor, "incident.deleted", title=incident.title)
        incident.delete()
        tasks.send_after_commit(tasks.remove_objects)


def note_download(
    export: Export, actor: Actor, what: str, sha256: str, first_byte: int = 0
) -> None:
    """One line per download, with the hash of the file; also for a part, or leaving out one byte
    would leave out the line."""
    part = {"from_byte": first_byte} if first_byte else {}
    _audit_export(export, actor, "export.downloaded", file=what, sha256=sha256, **part)


def _audit(incident: Incident, actor: Actor, action: str, **detail: object) -> None:
    times = {"start": format_time(incident.start), "end": format_time(incident.end)}
    record(
        incident.organisation, actor, action, incident, incident=str(incident.pk), **times, **detail
    )


def _audit_export(export: Export, actor: Actor, action: str, **detail: object) -> None:
    _audit(export.incident, actor, action, export=str(export.pk), **detail)
