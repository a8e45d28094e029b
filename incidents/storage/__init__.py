"""Where exports are kept: a folder, or an S3-compatible service (`CONTERA_STORAGE`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

from django.conf import settings

from incidents.storage.address import FolderAddress, parse_address
from incidents.storage.folder import FolderStorage
from incidents.storage.s3 import JOB, PAGE, S3Storage


class Storage(Protocol):
    """Every method blocks, ends within bounded time per network call, and raises StorageError.

    Keys are relative paths that we make of ids; they never hold a name that a person chose.
    """

    def put(
        self,
        source: Path,
        key: str,
        upload_id: str,
        remember: Callable[[str], None],
        moved: Callable[[int], None],
    ) -> None:
        """Store the file as `key`, replacing what is there, and continue an earlier `upload_id`.

        `remember` is told the id of a new upload before its first byte; `moved` the bytes that
        are there so far, at least every few seconds. Either may raise to stop.
        """

    def size(self, key: str) -> int | None:
        """Size in bytes, or None when there is no such object."""

    def read(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Bytes first to last, both included, in chunks of at most CHUNK_BYTES."""

    def delete(self, key: str, upload_id: str = "") -> None:
        """Remove the object and what an unfinished upload left; fine when neither is there."""


@cache
def open_storage(*, for_page: bool = False) -> Storage:
    """The storage of this installation; one that is silent is given up sooner for a page."""
    address = parse_address(settings.CONTERA_STORAGE)
    if isinstance(address, FolderAddress):
        return FolderStorage(address.folder)
    return S3Storage(address, PAGE if for_page else JOB)
