"""Style sheets, scripts and icons of the pages: the portal's own files, from a list made at start.

A request names a file of the list or gets nothing: no path is ever put together from an address.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

PREFIX = "/static/"
FOLDER = Path(__file__).resolve().parents[2] / "static"
PARTS = ("css", "img", "js", "vendor")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
MAX_FILE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class StaticFile:
    """One file as it was read: browsers ask with `etag` whether theirs is still the same."""

    content: bytes
    content_type: str
    etag: str


class StaticFiles:
    """The files below `folder` by their address."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._paths = {
            PREFIX + file.relative_to(folder).as_posix(): file
            for part in PARTS
            for file in sorted((folder / part).rglob("*"))
            if file.suffix in _TYPES and file.is_file()
        }
        self._read: dict[str, StaticFile] = {}

    def __contains__(self, address: str) -> bool:
        return address in self._paths

    def get(self, address: str) -> StaticFile | None:
        """The file, read once; blocking. None for an address that is not in the list."""
        path = self._paths.get(address)
        if path is None:
            return None
        if address not in self._read:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES)
            etag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
            self._read[address] = StaticFile(content, _TYPES[path.suffix], etag)
        return self._read[address]
