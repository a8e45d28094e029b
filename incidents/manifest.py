"""The manifest of an export: what was asked for, what there is, and how to prove it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.models import User
from incidents import naming
from incidents.models import Export, ExportedClip
from protocol.times import format_time

FORMAT = "contera.export/1"
SIGNATURE_TYPE = "contera-export+jws"


def build(export: Export, clips: Iterable[ExportedClip]) -> bytes:
    """UTF-8 JSON; the same bytes for the same rows, so that a repeated run changes nothing."""
    incident = export.incident
    clips = list(clips)
    names = naming.file_names(clips)
    document = {
        "format": FORMAT,
        "export": str(export.pk),
        "requested_by": _person(export.requested_by),
        "requested_at": format_time(export.created_at),
        "organisation": {"id": str(incident.organisation_id), "name": incident.organisation.name},
        "incident": {
            "id": str(incident.pk),
            "title": incident.title,
            "note": incident.note,
            "start": format_time(incident.start),
            "end": format_time(incident.end),
            "created_by": _person(incident.created_by),
            "created_at": format_time(incident.created_at),
        },
        "clips": [_clip(clip, incident.end, names[clip.pk]) for clip in clips],
    }
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


def _clip(clip: ExportedClip, end: datetime, file_name: str) -> dict[str, Any]:  # JSON values
    camera, recorder = clip.camera, clip.camera.recorder
    about = {
        "camera": {"id": str(camera.pk), "number": camera.number, "name": camera.name},
        "recorder": {
            "id": str(recorder.pk),
            "name": recorder.name,
            "model": recorder.model,
            "version": recorder.version,
        },
        "part": clip.part,
        "requested_start": format_time(clip.start),
        "requested_end": format_time(end),
    }
    if clip.state == ExportedClip.State.MISSING:
        return {**about, "file": None, "reason": "nothing was recorded in this range"}
    return {
        **about,
        "file": file_name,
        "video_start": clip.video_start and format_time(clip.video_start),
        "video_end": clip.video_end and format_time(clip.video_end),
        "gap_count": clip.gap_count,
        "gaps": clip.gaps,
        "size_bytes": clip.size_bytes,
        "sha256": clip.sha256,
        "etag": clip.etag,
    }


def _person(user: User | None) -> dict[str, str] | None:
    return {"name": user.name, "email": user.login} if user else None
