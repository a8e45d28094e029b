"""Files on their way from a recorder to storage: `$CONTERA_DATA/spool/<export>-<row>.mp4`."""

from __future__ import annotations

import errno
import os
import shutil
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from django.conf import settings

from incidents.jobs.outcomes import Failure
from incidents.models import Export, ExportedClip
from incidents.storage.errors import CHUNK_BYTES

RESERVE_BYTES = 64 * 1024 * 1024  # other programs live on this disk too
KEEP_FAILED = timedelta(days=7)  # somebody may press Retry


@dataclass(frozen=True)
class Digest:
    size_bytes: int
    sha256: str
    crc32: int


def folder() -> Path:
    path: Path = settings.CONTERA_DATA / "spool"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def path_of(clip: ExportedClip) -> Path:
    return folder() / f"{clip.export_id}-{clip.pk}.mp4"


def fetched(clip: ExportedClip) -> int:
    """How many bytes of the clip are here for sure; the rest of the file may not be on disk."""
    try:
        return min(path_of(clip).stat().st_size, clip.fetched_bytes)
    except FileNotFoundError:
        return 0


def restart(clip: ExportedClip) -> None:
    """A new file: a frozen worker that still holds the old one can do no harm."""
    path_of(clip).unlink(missing_ok=True)


def check_room(clip: ExportedClip, total_bytes: int) -> None:
    """Raises Failure when the rest of the clip would not fit."""
    needed = total_bytes - fetched(clip) + RESERVE_BYTES
    free = shutil.disk_usage(folder()).free
    if free < needed:
        raise Failure(
            f"The portal's spool folder needs {needed / 1e9:.1f} GB and has {free / 1e9:.1f} GB."
        )


def append(clip: ExportedClip, chunks: Iterable[bytes], keep_going: Callable[[], bool]) -> int:
    """Write chunks behind what is fetched until `keep_going` says no, force them to disk, and
    return the bytes that are here now. What arrived before an error is kept as well."""
    done = fetched(clip)
    mode = "r+b" if path_of(clip).exists() else "xb"
    with _full_disk_in_words(), open(path_of(clip), mode) as file:
        file.seek(done)
        file.truncate()
        try:
            for chunk in chunks:
                file.write(chunk)
                if not keep_going():
                    break
        finally:
            file.flush()
            os.fsync(file.fileno())
            clip.fetched_bytes = done = file.tell()
    return done


def digest(path: Path, tick: Callable[[], None]) -> Digest:
    """Hashes of a file; `tick` is called for every chunk."""
    with open(path, "rb") as file:
        return digest_of(iter(lambda: file.read(CHUNK_BYTES), b""), tick)


def digest_of(chunks: Iterable[bytes], tick: Callable[[], None]) -> Digest:
    size, hashed, crc = 0, sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        hashed.update(chunk)
        crc = zlib.crc32(chunk, crc)
        tick()
    return Digest(size, hashed.hexdigest(), crc)


def sweep(now: datetime) -> None:
    """Remove files of exports that nobody will go on with."""
    for path in folder().glob("*"):
        if not _is_wanted(path.name[:36], now):
            path.unlink(missing_ok=True)


def _is_wanted(export_id: str, now: datetime) -> bool:
    try:
        export = Export.objects.filter(pk=UUID(export_id)).first()
    except ValueError:
        return False
    if export is None or export.state in (Export.State.DONE, Export.State.CANCELLED):
        return False
    return export.finished_at is None or now - export.finished_at < KEEP_FAILED


class _full_disk_in_words:  # noqa: N801  # reads as a verb where it is used
    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Failure("There is no room left in the portal's spool folder.") from error
