"""Incidents and their exports. The truth of an export is its rows; Celery only wakes a worker."""

from __future__ import annotations

from django.db import models

from accounts.ids import random_id
from accounts.models import Organisation, User
from incidents.querysets import IncidentQuerySet, OfExportQuerySet, OfIncidentQuerySet
from recorders.models import Camera


class Incident(models.Model):
    """Something that happened: cameras, a time range, a title and a note."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="incidents"
    )
    title = models.CharField(max_length=150)
    note = models.TextField(max_length=5000, blank=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    cameras = models.ManyToManyField(Camera, through="IncidentCamera", related_name="incidents")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end__gt=models.F("start")), name="incident_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return self.title


class IncidentCamera(models.Model):
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE)
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "camera"], name="incident_camera_unique")
        ]


class Export(models.Model):
    """One export of an incident to storage; may be run twice and has one effect.

    `lease_until` belongs to the worker that runs it; `attempt` grows with every claim and every
    write of a worker is conditional on it, so a worker that lost its lease changes nothing.
    docs/design/exports.md has the states.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    UNFINISHED = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="exports")
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    # In which circumstances: limited grants ask for them again while the export runs.
    circumstances = models.JSONField(default=dict)  # accounts.circumstances, as JSON
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    # In a row; retried with back-off until the limit, back to 0 with every progress.
    failures = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    stalled_since = models.DateTimeField(null=True)  # a recorder is offline and nothing moves
    error = models.CharField(max_length=500, blank=True)  # the trouble now, or why it ended
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    notified_at = models.DateTimeField(null=True)  # claimed before the mail is handed over
    mail_failures = models.PositiveIntegerField(default=0)
    manifest_key = models.CharField(max_length=300, blank=True)
    manifest_bytes = models.PositiveIntegerField(default=0)
    manifest_sha256 = models.CharField(max_length=64, blank=True)

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "not_before"], name="export_by_state")]

    @property
    def is_unfinished(self) -> bool:
        return self.state in self.UNFINISHED

    @property
    def signature_key(self) -> str:
        """Where the detached signature of the manifest is stored."""
        return f"{self.manifest_key}.jws"


class ExportedClip(models.Model):
    """A file of one camera in an export: fetched, hashed, stored, verified.

    A camera has more than one part when its picture changed its size in the range.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        FETCHING = "fetching"
        STORING = "storing"
        VERIFYING = "verifying"
        VERIFIED = "verified"
        MISSING = "missing"  # nothing was recorded in the range

    SETTLED = (State.VERIFIED, State.MISSING)

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="clips")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT)
    part = models.PositiveIntegerField(default=1)
    start = models.DateTimeField()  # asked for; the end is the incident's
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    error = models.CharField(max_length=500, blank=True)  # what holds this camera up now
    key = models.CharField(max_length=300, blank=True)  # in storage
    etag = models.CharField(max_length=100, blank=True)  # of the recorder's clip, to resume it
    upload_id = models.CharField(max_length=300, blank=True)  # of a multipart upload
    fetched_bytes = models.BigIntegerField(default=0)
    stored_bytes = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    crc32 = models.BigIntegerField(null=True)  # what a ZIP archive needs
    video_start = models.DateTimeField(null=True)  # what the recorder really had
    video_end = models.DateTimeField(null=True)
    gap_count = models.PositiveIntegerField(default=0)
    gaps = models.JSONField(null=True)  # start, end, reason; None when they could not be read

    objects = OfExportQuerySet.as_manager()

    class Meta:
        ordering = ["camera__recorder__name", "camera__number", "part"]
        constraints = [
            models.UniqueConstraint(
                fields=["export", "camera", "part"], name="exported_clip_unique"
            )
        ]

    @property
    def is_settled(self) -> bool:
        return self.state in self.SETTLED


class Removal(models.Model):
    """An object in storage that must go; kept until it is gone."""

    key = models.CharField(max_length=300)
    upload_id = models.CharField(max_length=300, blank=True)
    not_before = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
