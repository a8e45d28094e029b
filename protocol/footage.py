"""Which recorded video somebody may have: spans of Unix seconds, in tokens and bundles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from protocol.errors import ProtocolError

Span = tuple[int | None, int | None]  # from, to (not included); None: without that end
Spans = tuple[Span, ...]
Footage = Mapping[tuple[str, int], Spans]  # by right and camera; what is not named is unlimited

ALL: Spans = ((None, None),)
NONE: Spans = ()
MAX_SPANS = 16  # of one camera
MAX_BYTES = 3 * 1024  # of all as JSON: a token for 256 cameras stays below its limit

_EARLIEST, _LATEST = -(1 << 62), 1 << 62


def joined(spans: Iterable[Span], most: int = MAX_SPANS) -> Spans:
    """In order, without overlaps or empty ones; of more than `most` the newest."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(_closed(span) for span in spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return tuple(_opened(span) for span in found[-most:])


def shared(spans: Spans, others: Spans, most: int = MAX_SPANS) -> Spans:
    """What is in both."""
    pairs = ((_closed(one), _closed(other)) for one in spans for other in others)
    found = (_opened((max(a[0], b[0]), min(a[1], b[1]))) for a, b in pairs)
    return joined(found, most)


def covers(spans: Spans, start: float, end: float) -> bool:
    """Whether all of `start` to `end` (Unix seconds) lies in one of the spans."""
    return any(low <= start and end <= high for low, high in map(_closed, spans))


def as_claim(footage: Footage) -> list[dict[str, Any]]:
    """JSON values: cameras with the same spans together. What does not fit into MAX_BYTES is given
    no footage, the cameras of the fewest first: never more than was meant."""
    groups: dict[tuple[str, Spans], list[int]] = {}
    for (right, camera), spans in sorted(footage.items()):
        groups.setdefault((right, spans), []).append(camera)
    rows = [_row(right, cameras, spans) for (right, spans), cameras in groups.items()]
    if _size(rows) <= MAX_BYTES:
        return rows
    rows.sort(key=lambda row: (bool(row["spans"]), -len(row["cameras"])))
    return _what_fits(rows)


def _what_fits(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    left_out: dict[str, list[int]] = {}
    fitting = list(rows)
    size = _size(fitting) + sum(
        _size([_row(right, [], NONE)]) for right in {row["right"] for row in rows}
    )
    while size > MAX_BYTES and fitting:
        row = fitting.pop()
        left_out.setdefault(row["right"], []).extend(row["cameras"])
        size -= _size(row) - _size(row["cameras"])
    return [*fitting, *_without(left_out)]


def _without(cameras: Mapping[str, list[int]]) -> list[dict[str, Any]]:
    return [_row(right, sorted(numbers), NONE) for right, numbers in sorted(cameras.items())]


def _row(right: str, cameras: Sequence[int], spans: Spans) -> dict[str, Any]:
    return {"right": right, "cameras": list(cameras), "spans": [list(span) for span in spans]}


def _size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def parse(claim: object) -> dict[tuple[str, int], Spans]:
    """The reverse of `as_claim`; raises ProtocolError `bad_footage`."""
    try:
        return {
            (_word(row["right"]), _whole(camera)): parse_spans(row["spans"])
            for row in claim  # type: ignore[attr-defined]  # anything: what it is not raises
            for camera in row["cameras"]
        }
    except (KeyError, TypeError, ValueError):
        raise ProtocolError("bad_footage", "the spans of footage are not readable") from None


def parse_spans(value: Any, most: int = MAX_SPANS) -> Spans:
    """JSON as spans (Any: JSON); raises TypeError or ValueError."""
    return joined((_span(span) for span in value), most)


def _span(value: Any) -> Span:  # Any: JSON
    start, end = value
    return None if start is None else _whole(start), None if end is None else _whole(end)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a word")
    return value


def _closed(span: Span) -> tuple[int, int]:
    start, end = span
    return _EARLIEST if start is None else start, _LATEST if end is None else end


def _opened(span: tuple[int, int]) -> Span:
    start, end = span
    return None if start <= _EARLIEST else start, None if end >= _LATEST else end
