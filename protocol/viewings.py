"""Viewings: who watched which camera, from when to when, by which way.

A recorder tells its portal (`POST /api/v1/recorder/viewings`), a relay node the portal of its
viewers (`POST /api/v1/relay/viewings`): `{"viewings": [{…}, …]}`, oldest first. A viewing:

| name | what |
|---|---|
| `number` | of the recorder's log, rising; 0 from a node |
| `session_id`, `user_id` | of the access token; `local:<name>` for a recorder's own account |
| `camera`, `kind` | its number; `live`, `recorded`, `clip` (a file) or `snapshot` |
| `path`, `address` | the way; the viewer's address as portal, else recorder, saw it |
| `from`, `to` | when, Unix seconds by the portal's clock |
| `recorded_from`, `recorded_to` | which recorded video, Unix seconds; absent for live video |
| `count` | of pictures or requests that it is made of |
| `lost_before` | viewings that the log lost before this one, because it was full |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from protocol.errors import ProtocolError
from protocol.tokens import PATHS

KINDS = ("live", "recorded", "clip", "snapshot")
DIRECT = "direct"  # the recorder's own page and streaming port, for its own accounts
WAYS = (*PATHS, DIRECT)
MAX_TOLD = 200  # viewings in one request
MAX_TEXT = 200
_MAX_TIME = 253_402_300_800  # the year 10000
_MAX_NUMBER = 2**53

Span = tuple[float, float]


@dataclass(frozen=True)
class Watcher:
    """Somebody at a camera by one way."""

    session_id: str
    user_id: str
    camera: int
    kind: str
    path: str
    address: str = ""


@dataclass(frozen=True)
class Viewing:
    """A watcher from `start` to `end` (Unix seconds)."""

    watcher: Watcher
    start: float
    end: float
    recorded: Span | None = None
    count: int = 1
    number: int = 0
    lost_before: int = 0

    def numbered(self, number: int, lost_before: int) -> Viewing:
        return replace(self, number=number, lost_before=lost_before)


def as_json(viewing: Viewing) -> dict[str, Any]:  # Any: JSON values
    recorded = viewing.recorded
    span = {} if recorded is None else {"recorded_from": recorded[0], "recorded_to": recorded[1]}
    return {
        **vars(viewing.watcher),
        "number": viewing.number,
        "from": viewing.start,
        "to": viewing.end,
        "count": viewing.count,
        "lost_before": viewing.lost_before,
        **span,
    }


def parse_viewing(body: Any) -> Viewing:  # Any: JSON values
    """Raises ProtocolError `bad_viewing` for what is none."""
    if not isinstance(body, Mapping):
        raise _bad("not an object")
    watcher = Watcher(
        session_id=_text(body, "session_id"),
        user_id=_text(body, "user_id"),
        camera=_whole(body, "camera"),
        kind=_one_of(body, "kind", KINDS),
        path=_one_of(body, "path", WAYS),
        address=_text(body, "address"),
    )
    start, end = _time(body, "from"), _time(body, "to")
    recorded = None
    if "recorded_from" in body:
        recorded = _time(body, "recorded_from"), _time(body, "recorded_to")
    if end < start or (recorded is not None and recorded[1] < recorded[0]):
        raise _bad("it ends before it begins")
    counts = (_whole(body, name) for name in ("count", "number", "lost_before"))
    return Viewing(watcher, start, end, recorded, *counts)


def _bad(fact: str) -> ProtocolError:
    return ProtocolError("bad_viewing", f"viewing: {fact}")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _bad(f"{name} is no text of at most {MAX_TEXT} characters")
    return value


def _one_of(body: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = body.get(name)
    if value not in known:
        raise _bad(f"{name} is none of {', '.join(known)}")
    return str(value)


def _whole(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_NUMBER:
        return value
    raise _bad(f"{name} is no whole number")


def _time(body: Mapping[str, Any], name: str) -> float:
    value = body.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _bad(f"{name} is no number")
    if not 0 <= value < _MAX_TIME:  # nor infinite, nor NaN
        raise _bad(f"{name} is no time")
    return float(value)
