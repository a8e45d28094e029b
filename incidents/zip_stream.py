"""A ZIP archive written as it is read: stored, not compressed, of a length known beforehand. Pure.

Video does not get smaller, and sizes and CRCs are known from the export, so every local header is
complete (no data descriptors) and a download shows its progress. ZIP64 where a number needs it
(APPNOTE 4.3.14, 4.5.3). Names are UTF-8 (general purpose bit 11).
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

_VERSION = 45  # ZIP64
_UTF8 = 0x0800
_MAX32 = 0xFFFFFFFF
_MAX16 = 0xFFFF
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Entry:
    """A file of the archive; `read` yields exactly `size` bytes with this CRC-32."""

    name: str
    size: int
    crc32: int
    modified: datetime
    read: Callable[[], AsyncIterator[bytes]]


class EntryChanged(Exception):
    """What was read is not what was announced: the download must break, not look complete."""


def length(entries: Iterable[Entry]) -> int:
    """Bytes of the whole archive."""
    entries = list(entries)
    body = sum(len(_local_header(entry)) + entry.size for entry in entries)
    return body + len(_directory(entries))


async def stream(entries: Sequence[Entry]) -> AsyncIterator[bytes]:
    """The archive in chunks."""
    for entry in entries:
        yield _local_header(entry)
        sent = 0
        async for chunk in entry.read():
            sent += len(chunk)
            yield chunk
        if sent != entry.size:
            raise EntryChanged(f"{entry.name}: {sent} of {entry.size} bytes")
    yield _directory(entries)


def _local_header(entry: Entry) -> bytes:
    is_large = entry.size >= _MAX32
    extra = struct.pack("<2H2Q", 1, 16, entry.size, entry.size) if is_large else b""
    size = _MAX32 if is_large else entry.size
    name = entry.name.encode()
    head = _LOCAL.pack(
        b"PK\x03\x04",
        _VERSION,
        _UTF8,
        0,
        *_dos_time(entry.modified),
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
    )
    return head + name + extra


def _directory(entries: Sequence[Entry]) -> bytes:
    """Central directory and its end, for entries that follow each other from byte 0."""
    rows, offset = [], 0
    for entry in entries:
        rows.append(_central_header(entry, offset))
        offset += len(_local_header(entry)) + entry.size
    directory = b"".join(rows)
    return directory + _end(len(rows), len(directory), offset)


def _central_header(entry: Entry, offset: int) -> bytes:
    large = [entry.size, entry.size] if entry.size >= _MAX32 else []
    far = [offset] if offset >= _MAX32 else []
    numbers = large + far
    extra = struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    size = _MAX32 if large else entry.size
    name = entry.name.encode()
    head = _CENTRAL.pack(
        b"PK\x01\x02",
        _VERSION,
        _VERSION,
        _UTF8,
        0,
        *_dos_time(entry.modified),
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
        0,
        0,
        0,
        0,
        _MAX32 if far else offset,
    )
    return head + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    plain = _END.pack(
        b"PK\x05\x06", 0, 0, min(count, _MAX16), min(count, _MAX16), size, min(offset, _MAX32), 0
    )
    if count < _MAX16 and offset < _MAX32:
        return plain
    rest = _END64.size - 12
    end64 = _END64.pack(b"PK\x06\x06", rest, _VERSION, _VERSION, 0, 0, count, count, size, offset)
    return end64 + _LOCATOR64.pack(b"PK\x06\x07", 0, offset + size, 1) + plain


def _dos_time(moment: datetime) -> tuple[int, int]:
    """Time and date in steps of 2 s; the format knows no years before 1980 or after 2107."""
    year = min(max(moment.year, 1980), 2107) - 1980
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, year << 9 | moment.month << 5 | moment.day
