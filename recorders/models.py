"""Recorders, cameras, grants, registration codes, remote network settings, whitelist mails."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone

from accounts.ids import random_id
from accounts.models import Group, Organisation, User
from protocol.tokens import RIGHTS
from recorders.querysets import (
    CameraQuerySet,
    GrantQuerySet,
    HiddenCameraQuerySet,
    LocationQuerySet,
    OfRecorderQuerySet,
    RecorderQuerySet,
    RegistrationCodeQuerySet,
)

HEARTBEAT_S = 15
ONLINE_WITHIN = timedelta(seconds=40)  # two heartbeats may be lost


class Location(models.Model):
    """A site: recorders are listed by location."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="locations"
    )
    name = models.CharField(max_length=100)

    objects = LocationQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name")]
        constraints = [
            models.UniqueConstraint(
                Lower("name"), "organisation", name="location_name_unique_in_organisation"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Recorder(models.Model):
    """A recorder, known by the key it made when it was registered.

    Reported fields are its own word from the last heartbeat. A removed recorder keeps its row, so
    that incidents and the audit trail keep their names.
    """

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="recorders"
    )
    location = models.ForeignKey(
        Location, on_delete=models.SET_NULL, null=True, blank=True, related_name="recorders"
    )
    name = models.CharField(max_length=100)
    public_key = models.JSONField(editable=False)  # JWK (RFC 8037)
    registered_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, editable=False)

    # Reported by the recorder, or seen on its last heartbeat.
    last_seen_at = models.DateTimeField(null=True, editable=False)
    model = models.CharField(max_length=60, blank=True, editable=False)
    version = models.CharField(max_length=40, blank=True, editable=False)
    external_address = models.GenericIPAddressField(null=True, editable=False)
    local_addresses = models.JSONField(default=list, editable=False)
    http_port = models.PositiveIntegerField(null=True, editable=False)  # of its web door
    https_port = models.PositiveIntegerField(null=True, editable=False)
    capabilities = models.JSONField(default=list, editable=False)  # paths it can serve
    # recorders.connection_reports; empty when it did not tell.
    nat = models.JSONField(default=dict, editable=False)
    proxy = models.JSONField(default=dict, editable=False)
    relay_transport = models.JSONField(default=dict, editable=False)
    storage = models.JSONField(default=dict, editable=False)  # used_bytes capacity_bytes oldest
    clock_offset_s = models.FloatField(null=True, editable=False)  # recorder minus portal
    # The last of its reports of who watched what that is in the audit trail.
    viewings_seen = models.PositiveBigIntegerField(default=0, editable=False)
    # What webhooks were told last; None before the first heartbeat.
    announced_online = models.BooleanField(null=True, editable=False)

    objects = RecorderQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name"), "id"]
        indexes = [models.Index(fields=["organisation", "removed_at"], name="recorder_by_owner")]

    def __str__(self) -> str:
        return self.name

    def is_online(self, now: datetime) -> bool:
        return self.last_seen_at is not None and now - self.last_seen_at <= ONLINE_WITHIN


class Camera(models.Model):
    """A camera as its recorder reports it; `number` is its name in the recorder's API."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    recorder = models.ForeignKey(Recorder, on_delete=models.CASCADE, related_name="cameras")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=30, default="connecting")
    detail = models.CharField(max_length=500, blank=True)
    profiles = models.JSONField(default=dict)
    recorded_from = models.DateTimeField(null=True)
    recorded_to = models.DateTimeField(null=True)
    is_present = models.BooleanField(default=True)  # False: no longer in the recorder's list

    objects = CameraQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["recorder", "number"], name="camera_number_unique")
        ]
        # For its statistics: without them PostgreSQL guesses that a search finds next to nothing.
        indexes = [models.Index(Upper("name"), name="camera_name_searched")]

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """Rights of a group on one scope: everything of its organisation, a location, a recorder, or a
    camera; within limits. Each kind of limit that is set must hold (recorders.grants.limits)."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="grants")
    location = models.ForeignKey(
        Location, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    recorder = models.ForeignKey(
        Recorder, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    camera = models.ForeignKey(
        Camera, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    may_live = models.BooleanField(default=False)
    may_playback = models.BooleanField(default=False)
    may_export = models.BooleanField(default=False)
    may_ptz = models.BooleanField(default=False)
    may_audio = models.BooleanField(default=False)
    may_configure = models.BooleanField(default=False)
    may_delete = models.BooleanField(default=False)
    holds_from = models.DateTimeField(null=True, blank=True)
    holds_until = models.DateTimeField(null=True, blank=True)
    # [first minute, end minute] of the week, from Monday 00:00 in the organisation's time zone.
    hours = models.JSONField(default=list, blank=True)
    clients = models.JSONField(default=list, blank=True)  # of accounts.circumstances.CLIENTS
    addresses = models.JSONField(default=list, blank=True)  # CIDR
    # What playback and export reach; None: without end on that side.
    footage_from = models.DateTimeField(null=True, blank=True)
    footage_to = models.DateTimeField(null=True, blank=True)
    # Has hours, clients or addresses: they are judged in Python, dates and footage in SQL.
    is_judged = models.BooleanField(default=False, editable=False)
    reason = models.TextField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(location=None, recorder=None)
                | Q(location=None, camera=None)
                | Q(recorder=None, camera=None),
                name="grant_has_one_scope",
            ),
            models.CheckConstraint(
                condition=Q(camera=None) | Q(may_configure=False), name="grant_camera_no_configure"
            ),
            models.CheckConstraint(
                condition=Q(footage_to__gt=models.F("footage_from"))
                | Q(footage_from=None)
                | Q(footage_to=None),
                name="grant_footage_in_order",
            ),
        ]
        indexes = [models.Index(fields=["group"], condition=Q(is_judged=True), name="grant_judged")]

    @property
    def rights(self) -> frozenset[str]:
        return frozenset(right for right in RIGHTS if getattr(self, f"may_{right}"))


class HiddenCamera(models.Model):
    """A camera that people of a group do not see, whatever any group gives them; administrators of
    the organisation do."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="hidden_cameras")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="hidden_from")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = HiddenCameraQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "camera"], name="hidden_camera_once")
        ]


class RegistrationCode(models.Model):
    """A one-time code that registers one recorder; kept as a digest."""

    LIFETIME = timedelta(hours=1)

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100, blank=True)  # for the recorder; its own if empty
    location = models.ForeignKey(Location, on_delete=models.SET_NULL, null=True, blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    recorder = models.OneToOneField(Recorder, on_delete=models.SET_NULL, null=True)
    told_at = models.DateTimeField(null=True)  # when its maker was written to that it was used

    objects = RegistrationCodeQuerySet.as_manager()


class RemoteNetworkSettings(models.Model):
    """How clients may reach a recorder (My Recorders → recorder → Remote Network Settings)."""

    recorder = models.OneToOneField(
        Recorder, on_delete=models.CASCADE, related_name="network", primary_key=True
    )
    is_lan_enabled = models.BooleanField(default=True)
    lan_ranges = models.JSONField(default=list)  # CIDR or first-last, normalised, merged
    is_manual_nat_enabled = models.BooleanField(default=False)
    manual_nat_address = models.CharField(max_length=255, blank=True)  # address or domain
    manual_nat_port = models.PositiveIntegerField(default=80)
    is_manual_nat_https = models.BooleanField(default=False)
    is_p2p_enabled = models.BooleanField(default=True)
    is_relay_enabled = models.BooleanField(default=True)
    relay_region = models.CharField(max_length=40)

    objects = OfRecorderQuerySet.as_manager()

    def enabled_paths(self) -> frozenset[str]:
        enabled = {
            "lan": self.is_lan_enabled,
            "manual_nat": self.is_manual_nat_enabled,
            "p2p": self.is_p2p_enabled,
            "relay": self.is_relay_enabled,
        }
        return frozenset(path for path, is_enabled in enabled.items() if is_enabled)


class WhitelistMail(models.Model):
    """A whitelist mail to an administrator: a job, whose truth is this row."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    recorder = models.ForeignKey(Recorder, on_delete=models.CASCADE, related_name="whitelist_mails")
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    circumstances = models.JSONField(default=dict)  # of who asked (accounts.circumstances)
    recipient = models.EmailField(max_length=254)
    message = models.TextField(max_length=2000, blank=True)  # the sender's own words
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)  # grows with every claim
    failures = models.PositiveIntegerField(default=0)  # since it was last asked for
    not_before = models.DateTimeField(null=True)  # back-off after a failure
    lease_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    objects = OfRecorderQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]


class Preflight(models.Model):
    """A test of the recorder's network, asked for by a person; `rows` as it found them."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    recorder = models.ForeignKey(Recorder, on_delete=models.CASCADE, related_name="preflights")
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    circumstances = models.JSONField(default=dict)  # of who asked (accounts.circumstances)
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    rows = models.JSONField(default=list)  # id group title is_required state detail advice
    error = models.CharField(max_length=500, blank=True)

    objects = OfRecorderQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]
        indexes = [models.Index(fields=["recorder", "-requested_at"], name="preflight_newest")]
