"""Keys in storage, and names of files that people download.

Keys are made of ids alone. A name that a person chose reaches only the download name, cleaned of
everything that a file system, a terminal or a reader could mistake (separators, control and
direction marks, names that begin with a dot).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from incidents.models import Export, ExportedClip

MAX_WORDS = 60  # characters of a name inside a file name
_RESERVED = set('<>:"/\\|?*%;')  # Windows, or of meaning in a header


def export_prefix(export: Export) -> str:
    incident = export.incident
    return f"{incident.organisation_id}/{incident.pk}/{export.pk}"


def clip_key(export: Export, clip: ExportedClip) -> str:
    return f"{export_prefix(export)}/{clip.camera_id}-{clip.part}.mp4"


def manifest_key(export: Export) -> str:
    return f"{export_prefix(export)}/manifest.json"


def clip_file_name(clip: ExportedClip) -> str:
    """`Lobby 2 - Main entrance - 20261123T081530Z.mp4`."""
    part = f" - part {clip.part}" if clip.part > 1 else ""
    camera = f"{clip.camera.recorder} {clip.camera.number} {clip.camera}"
    return f"{clean_name(camera)} - {_stamp(clip.video_start or clip.start)}{part}.mp4"


def file_names(clips: Iterable[ExportedClip]) -> dict[int, str]:
    """Names by row, each one once: cameras of two recorders may be called the same."""
    names: dict[int, str] = {}
    for clip in clips:
        name, number = clip_file_name(clip), 2
        stem = name.removesuffix(".mp4")
        while name in names.values():
            name, number = f"{stem} ({number}).mp4", number + 1
        names[clip.pk] = name
    return names


def archive_file_name(export: Export) -> str:
    incident = export.incident
    return f"{clean_name(incident.title)} - {_stamp(incident.start)}.zip"


def clean_name(text: str) -> str:
    """Safe as a part of a file name on every system; never empty."""
    kept = "".join(_clean_character(character) for character in unicodedata.normalize("NFC", text))
    return " ".join(kept.split()).strip(". ")[:MAX_WORDS].strip(". ") or "video"


def content_disposition(file_name: str) -> str:
    """`attachment` with an ASCII name for old clients and the real one (RFC 6266 §4.3)."""
    plain = unicodedata.normalize("NFKD", file_name).encode("ascii", "ignore").decode()
    fallback = " ".join(plain.replace('"', "").replace("\\", "").split()).lstrip(" .-") or "video"
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z" or category == "Cc":
        return " "
    if category[0] == "C":  # formats (direction marks, zero width), surrogates, private use
        return ""
    return "-" if character in _RESERVED else character


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
