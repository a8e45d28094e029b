"""Shapes of the recorder API for viewers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.emails import ApiEmailField
from accounts.names import validate_name
from protocol.tokens import RIGHTS
from recorders.listing import CameraCount
from recorders.models import Camera, Recorder, WhitelistMail

Shape = serializers.Serializer[Any]  # Any: DRF's own generic


class LocationShape(Shape):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100, validators=[validate_name])


class ConnectionShape(Shape):
    """What the recorder and its last heartbeat told; for people who configure it."""

    external_address = serializers.CharField(allow_null=True)
    local_addresses = serializers.ListField(child=serializers.CharField())
    http_port = serializers.IntegerField(allow_null=True)
    https_port = serializers.IntegerField(allow_null=True)
    nat = serializers.DictField()
    proxy = serializers.DictField()
    relay_transport = serializers.DictField()


class RecorderShape(Shape):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100, validators=[validate_name])
    location = LocationShape(read_only=True, allow_null=True)
    is_online = serializers.BooleanField(read_only=True)
    last_seen_at = serializers.DateTimeField(read_only=True, allow_null=True)
    model = serializers.CharField(read_only=True)
    version = serializers.CharField(read_only=True)
    camera_count = serializers.IntegerField(read_only=True)
    problem_count = serializers.IntegerField(read_only=True)
    clock_offset_s = serializers.FloatField(read_only=True, allow_null=True)
    capabilities = serializers.ListField(child=serializers.CharField(), read_only=True)
    connection = ConnectionShape(
        read_only=True, allow_null=True, help_text="Null without the right to configure"
    )
    rights = serializers.ListField(
        child=serializers.ChoiceField(choices=RIGHTS),
        read_only=True,
        help_text="Yours on the recorder as a whole; cameras have their own",
    )


class RecorderPageShape(Shape):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RecorderShape(many=True)


class RecorderChangeShape(Shape):
    name = serializers.CharField(max_length=100, validators=[validate_name], required=False)
    location = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        validators=[validate_name],
        help_text="Name; made when it is new",
    )


@extend_schema_field({"type": "object", "additionalProperties": True})
class ProfilesField(serializers.JSONField):
    """hd and sd, each with state, codec, width, height, fps, kbps."""


class CameraShape(Shape):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.CharField()
    detail = serializers.CharField()
    profiles = ProfilesField()
    recorded_from = serializers.DateTimeField(allow_null=True)
    recorded_to = serializers.DateTimeField(allow_null=True)
    rights = serializers.ListField(child=serializers.ChoiceField(choices=RIGHTS))


class NewWhitelistMailShape(Shape):
    recipient = ApiEmailField(max_length=254)
    message = serializers.CharField(max_length=2000, allow_blank=True, default="")


class WhitelistMailShape(Shape):
    id = serializers.UUIDField()
    recipient = serializers.EmailField()
    state = serializers.ChoiceField(choices=WhitelistMail.State.values)
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


def recorder_body(
    recorder: Recorder, count: CameraCount, rights: Iterable[str], now: datetime
) -> dict[str, Any]:  # Any: JSON values
    held = frozenset(rights)
    return {
        "id": recorder.pk,
        "name": recorder.name,
        "location": recorder.location,
        "is_online": recorder.is_online(now),
        "last_seen_at": recorder.last_seen_at,
        "model": recorder.model,
        "version": recorder.version,
        "camera_count": count.cameras,
        "problem_count": count.problems,
        "clock_offset_s": recorder.clock_offset_s,
        "capabilities": recorder.capabilities,
        "connection": recorder if "configure" in held else None,
        "rights": sorted(held),
    }


def camera_body(camera: Camera, rights: Iterable[str]) -> dict[str, Any]:  # Any: JSON values
    fields = ("number", "name", "state", "detail", "profiles", "recorded_from", "recorded_to")
    facts = {field: getattr(camera, field) for field in fields}
    return {"id": camera.pk, **facts, "rights": sorted(rights)}
