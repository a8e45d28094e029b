"""Shapes of the incident API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from incidents.models import Export, ExportedClip, Incident
from incidents.progress import total_percent
from incidents.services import MAX_CAMERAS


class ClipSerializer(serializers.ModelSerializer[ExportedClip]):
    class Meta:
        model = ExportedClip
        fields = (
            "id",
            "camera_id",
            "part",
            "state",
            "error",
            "fetched_bytes",
            "stored_bytes",
            "size_bytes",
            "sha256",
            "video_start",
            "video_end",
            "gap_count",
        )
        read_only_fields = fields


class ExportSerializer(serializers.ModelSerializer[Export]):
    percent = serializers.SerializerMethodField()
    clips = ClipSerializer(many=True, read_only=True)

    class Meta:
        model = Export
        fields = (
            "id",
            "incident_id",
            "state",
            "error",
            "percent",
            "created_at",
            "finished_at",
            "manifest_sha256",
            "clips",
        )
        read_only_fields = fields

    def get_percent(self, export: Export) -> int:
        return total_percent(list(export.clips.all()))


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    camera_ids: Any = serializers.PrimaryKeyRelatedField(  # Any: many=True makes another class
        source="cameras", many=True, read_only=True
    )

    class Meta:
        model = Incident
        fields = (
            "id",
            "organisation_id",
            "title",
            "note",
            "start",
            "end",
            "created_by_id",
            "created_at",
            "camera_ids",
        )
        read_only_fields = fields


class IncidentQuerySerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """Which ones are listed."""

    search = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="In title, note, and names of cameras and recorders",
    )
    camera = serializers.UUIDField(required=False)
    since = serializers.DateTimeField(required=False, help_text="With video of then or later")
    until = serializers.DateTimeField(required=False, help_text="With video from before that")


class FootageSerializer(serializers.Serializer[Any]):  # Any: as above
    """Cameras and a range."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    camera_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MAX_CAMERAS
    )


class NewIncidentSerializer(FootageSerializer):
    title = serializers.CharField(max_length=150)
    note = serializers.CharField(max_length=5000, allow_blank=True, default="")


class EstimateSerializer(serializers.Serializer[Any]):  # Any: as above
    """`measured` of the `cameras` told their rate; for the others the planning figure counts."""

    expected_bytes = serializers.IntegerField()
    export_plan_bytes = serializers.IntegerField(help_text="By the planning figures for exports")
    viewing_plan_bytes = serializers.IntegerField(help_text="The same range watched live in HD")
    measured = serializers.IntegerField()
    cameras = serializers.IntegerField()
