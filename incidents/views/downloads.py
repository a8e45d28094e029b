"""Files of an export. The right is read at every download; each is in the audit trail."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.audit import Actor
from accounts.models import User
from incidents import naming, zip_stream
from incidents.models import Export, ExportedClip
from incidents.services import note_download
from incidents.storage import open_storage
from incidents.storage.errors import StorageError

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?")


View = Callable[..., HttpResponseBase]


def _storage_in_words(view: View) -> View:
    """A storage that does not answer is not our bug: 503 and a sentence."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # as the view's
        try:
            return view(request, *args, **kwargs)
        except StorageError as error:
            return render(request, "incidents/no_storage.html", {"reason": error}, status=503)

    return told


@login_required
@require_safe
@_storage_in_words
def clip(request: HttpRequest, export_id: UUID, clip_id: int) -> HttpResponseBase:
    export = finished_export(request.user, export_id)
    found = get_object_or_404(verified_clips(export), pk=clip_id)
    return clip_response(request, export, found)


@login_required
@require_safe
@_storage_in_words
def manifest(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    return manifest_response(request, finished_export(request.user, export_id))


@login_required
@require_safe
@_storage_in_words
def signature(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    return signature_response(finished_export(request.user, export_id))


@login_required
@require_safe
@_storage_in_words
def archive(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    """Everything of an export as one ZIP."""
    return archive_response(request, finished_export(request.user, export_id))


def archive_response(request: HttpRequest, export: Export) -> HttpResponseBase:
    entries = _entries(export)
    note_download(export, Actor.of(request), "all files", export.manifest_sha256)
    answer = StreamingHttpResponse(zip_stream.stream(entries), content_type="application/zip")
    answer["Content-Length"] = str(zip_stream.length(entries))
    return _attachment(answer, naming.archive_file_name(export))


def manifest_response(request: HttpRequest, export: Export) -> HttpResponseBase:
    content = _content(export.manifest_key)
    note_download(export, Actor.of(request), "manifest.json", export.manifest_sha256)
    return _attachment(HttpResponse(content, content_type="application/json"), "manifest.json")


def signature_response(export: Export) -> HttpResponseBase:
    answer = HttpResponse(_content(export.signature_key), content_type="application/jose")
    return _attachment(answer, "manifest.json.jws")


def finished_export(user: object, export_id: UUID) -> Export:
    """Raises Http404 when the person may not export every camera of it now."""
    if not isinstance(user, User):
        raise TypeError("a signed-in person is needed")
    exports = Export.objects.visible_to(user).select_related("incident__organisation")
    export: Export = get_object_or_404(exports, pk=export_id, state=Export.State.DONE)
    return export


def verified_clips(export: Export) -> QuerySet[ExportedClip]:
    clips = ExportedClip.objects.filter(export=export, state=ExportedClip.State.VERIFIED)
    return clips.select_related("camera__recorder")


def clip_response(request: HttpRequest, export: Export, clip: ExportedClip) -> HttpResponseBase:
    """The clip, or the range of it that a resumed download asks for."""
    size = clip.size_bytes or 0
    wanted = _wanted_range(request, clip, size)
    if wanted is not None and wanted[0] > wanted[1]:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    first, last = wanted or (0, size - 1)
    if open_storage(for_page=True).size(clip.key) != size:
        raise StorageError("The stored file is missing or has another size than was verified.")
    note_download(export, Actor.of(request), naming.clip_file_name(clip), clip.sha256, first)
    body = _read(clip.key, first, last)
    answer = StreamingHttpResponse(body, content_type="video/mp4", status=206 if wanted else 200)
    answer["Content-Length"] = str(last - first + 1)
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = f'"{clip.sha256}"'
    if wanted:
        answer["Content-Range"] = f"bytes {first}-{last}/{size}"
    return _attachment(answer, naming.clip_file_name(clip))


def _wanted_range(request: HttpRequest, clip: ExportedClip, size: int) -> tuple[int, int] | None:
    """First and last byte; first above last when there is no such byte; None for the whole."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or request.headers.get("If-Range", f'"{clip.sha256}"') != f'"{clip.sha256}"':
        return None
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return first, last


def _attachment(answer: HttpResponseBase, file_name: str) -> HttpResponseBase:
    answer["Content-Disposition"] = naming.content_disposition(file_name)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _entries(export: Export) -> list[zip_stream.Entry]:
    clips = list(verified_clips(export))
    names = naming.file_names(clips)
    proofs = [
        _small_entry("manifest.json", _content(export.manifest_key), export.created_at),
        _small_entry("manifest.json.jws", _content(export.signature_key), export.created_at),
    ]
    return [*(_clip_entry(clip, names[clip.pk]) for clip in clips), *proofs]


def _clip_entry(clip: ExportedClip, name: str) -> zip_stream.Entry:
    return zip_stream.Entry(
        name,
        clip.size_bytes or 0,
        clip.crc32 or 0,
        clip.video_start or clip.start,
        lambda: _read(clip.key, 0, (clip.size_bytes or 0) - 1),
    )


def _small_entry(name: str, content: bytes, modified: datetime) -> zip_stream.Entry:
    async def read() -> AsyncIterator[bytes]:
        yield content

    return zip_stream.Entry(name, len(content), zlib.crc32(content), modified, read)


def _content(key: str) -> bytes:
    return b"".join(open_storage(for_page=True).read(key))


async def _read(key: str, first: int, last: int) -> AsyncIterator[bytes]:
    """The storage blocks: each chunk is read in a thread, one at a time, at the reader's pace."""
    chunks: Iterator[bytes] = open_storage(for_page=True).read(key, first, last)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk
