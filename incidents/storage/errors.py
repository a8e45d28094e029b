"""What can go wrong with storage, in words for people."""

from __future__ import annotations

import errno

CHUNK_BYTES = 1024 * 1024  # what is read, written or hashed at a time


class StorageError(Exception):
    """The storage cannot do it; the text is a sentence without addresses or secrets."""


def in_words(error: OSError, place: str) -> StorageError:
    """An error of the file system as a sentence about `place`."""
    facts = {
        errno.ENOSPC: f"There is no room left in {place}.",
        errno.EDQUOT: f"There is no room left in {place} (quota).",
        errno.EACCES: f"The portal may not write in {place}.",
        errno.EPERM: f"The portal may not write in {place}.",
        errno.EROFS: f"{place} is read-only.".capitalize(),
        errno.EIO: f"The disk of {place} reports an error.",
        errno.ENOENT: f"{place} is missing.".capitalize(),
        errno.ENOTDIR: f"{place} is not a folder.".capitalize(),
    }
    fallback = f"Writing to {place} failed: {error.strerror or type(error).__name__}."
    return StorageError(facts.get(error.errno or 0, fallback))
