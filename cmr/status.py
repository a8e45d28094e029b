"""What a running recorder last said about itself, kept in a file that `status` reads.

The lock tells whether it runs; a file alone could be left over from a recorder that was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cmr.report import size_words

STATUS_FILE = "status.json"
LOCK_FILE = "recorder.lock"
MAX_STATUS_BYTES = 1024 * 1024


class AlreadyRunning(Exception):
    """Another recorder uses this configuration."""


@contextmanager
def running_lock(folder: Path) -> Iterator[None]:
    """Held while a recorder runs; raises AlreadyRunning, OSError."""
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"a recorder already runs in {folder}") from None
        yield
    finally:
        os.close(handle)


def is_running(folder: Path) -> bool:
    """True while a recorder holds the lock."""
    if not (folder / LOCK_FILE).exists():
        return False
    try:
        with running_lock(folder):
            return False
    except AlreadyRunning:
        return True


def write_status(folder: Path, status: dict[str, Any]) -> None:
    """Replaces the status (Any: JSON), unsynced: after a power cut nobody needs it."""
    target = folder / STATUS_FILE
    draft = target.with_name(f".{STATUS_FILE}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(json.dumps(status).encode())
    draft.replace(target)


def read_status(folder: Path) -> dict[str, Any] | None:
    """The last status, None when there is none or it is damaged."""
    try:
        with (folder / STATUS_FILE).open("rb") as file:
            status = json.loads(file.read(MAX_STATUS_BYTES))
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def describe(status: dict[str, Any]) -> list[str]:
    """Lines for a person."""
    lines = [
        f"{status['name']}, version {status['version']}, as of {status['time']}",
        f"  portal   {status['portal']}",
        f"  relay    {status['relay']}",
        f"  nat      {status['nat']}",
        f"  proxy    {status['proxy']}",
        f"  web      {status['web']}",
        f"  storage  {_storage_words(status['storage'])}",
        *(f"  problem  {problem}" for problem in status["problems"]),
    ]
    return lines + [line for camera in status["cameras"] for line in _camera_lines(camera)]


def _storage_words(storage: dict[str, Any] | None) -> str:
    if storage is None:
        return "being counted"
    used, capacity = size_words(storage["used_bytes"]), size_words(storage["capacity_bytes"])
    return f"{used} of {capacity} used, oldest {storage['oldest'] or 'none'}"


def _camera_lines(camera: dict[str, Any]) -> list[str]:
    head = f"  camera {camera['number']}  {camera['name']}: {camera['detail'] or camera['state']}"
    return [head, *(_profile_line(name, p) for name, p in camera["profiles"].items())]


def _profile_line(name: str, profile: dict[str, Any]) -> str:
    if profile["state"] != "streaming" or profile["width"] is None:
        return f"      {name}  {profile['state']}"
    size = f"{profile['width']}x{profile['height']}"
    rate = "" if profile["kbps"] is None else f", {profile['fps']:g} fps, {profile['kbps']} kbps"
    return f"      {name}  {size}{rate}"
