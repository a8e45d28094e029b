"""Storage in a folder of this machine or of a mounted file server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from incidents.storage.errors import CHUNK_BYTES, StorageError, in_words

_PLACE = "the storage folder"


class FolderStorage:
    """A file is written beside its place as `.part`, forced to disk, then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(
        self,
        source: Path,
        key: str,
        upload_id: str,
        remember: Callable[[str], None],
        moved: Callable[[int], None],
    ) -> None:
        target = self._path(key)
        part = target.with_name(f"{target.name}.part")
        with _as_storage_errors():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _continue_copy(source, part, moved)
            part.replace(target)
            _force_folder(target.parent)

    def size(self, key: str) -> int | None:
        with _as_storage_errors():
            try:
                return self._path(key).stat().st_size
            except FileNotFoundError:
                return None

    def read(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        path = self._path(key)
        with _as_storage_errors(), open(path, "rb") as file:
            left = (path.stat().st_size if last is None else last + 1) - first
            file.seek(first)
            while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    def delete(self, key: str, upload_id: str = "") -> None:
        target = self._path(key)
        with _as_storage_errors():
            target.unlink(missing_ok=True)
            target.with_name(f"{target.name}.part").unlink(missing_ok=True)
            self._remove_empty_folders(target.parent)

    def _remove_empty_folders(self, folder: Path) -> None:
        while folder != self._folder:
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone already
                return
            folder = folder.parent

    def _path(self, key: str) -> Path:
        path = (self._folder / key).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise StorageError("The name of the object leads out of the storage folder.")
        return path


def _continue_copy(source: Path, part: Path, moved: Callable[[int], None]) -> None:
    """What an earlier try wrote stays; the read-back afterwards proves the whole."""
    with open(source, "rb") as reader, open(part, "ab") as writer:
        done = min(writer.tell(), source.stat().st_size)
        writer.truncate(done)
        reader.seek(done)
        while chunk := reader.read(CHUNK_BYTES):
            writer.write(chunk)
            moved(writer.tell())
        writer.flush()
        os.fsync(writer.fileno())


def _force_folder(folder: Path) -> None:
    """A rename is durable only when the folder is on disk too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _as_storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise in_words(error, _PLACE) from error
