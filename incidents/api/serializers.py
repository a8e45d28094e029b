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


class NewIncidentSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    title = serializers.CharField(max_length=150)
    note = serializers.CharField(max_length=5000, allow_blank=True, default="")
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    camera_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MAX_CAMERAS
    )
