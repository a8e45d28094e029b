"""Files that only their owner may read, written so that nobody ever sees half of one."""

from __future__ import annotations

import os
from pathlib import Path


def create_once(path: Path, content: bytes) -> bool:
    """Writes `path` with mode 600 unless it exists; False when it did.

    Atomic: of two programs that start together one wins, and both then read the same bytes.
    """
    draft = _write_draft(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def replace(path: Path, content: bytes) -> None:
    """Writes `path` with mode 600, over what was there; survives a power cut with one of both."""
    os.replace(_write_draft(path, content), path)


def _write_draft(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft
