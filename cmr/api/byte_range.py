"""Which bytes of a file a request wants (RFC 9110 §14), as values."""

from __future__ import annotations

import re

_SINGLE = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{1,15})?|-([0-9]{1,15}))")


class Unsatisfiable(Exception):
    """The range lies outside the file."""


def wanted_bytes(
    range_: str | None, if_range: str | None, etag: str, size: int
) -> tuple[int, int] | None:
    """First and last byte, both included, or None for the whole file.

    Several ranges, another unit and a stale If-Range give the whole file, as the RFC allows.
    Raises Unsatisfiable.
    """
    match = _SINGLE.fullmatch(range_.replace(" ", "")) if range_ else None
    if match is None or (if_range is not None and if_range != etag):
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = size - min(int(suffix), size), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < int(first):
            return None  # §14.1.1: an invalid range is ignored
    if start >= size or start > end:
        raise Unsatisfiable
    return start, end
