"""How large an export will be, before it is made. Pure.

Two rate models of the guide (REQUIREMENTS D4): viewing one HD camera plans 5 Mbps, exporting one
1920x1080 camera 2.24 Mbps and one 640x480 camera 250 kbps. What the recorder measures wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

VIEWING_HD_KBPS = 5000
EXPORT_KBPS = 2240
EXPORT_SMALL_KBPS = 250
SMALL_WIDTH = 640


@dataclass(frozen=True)
class Estimate:
    """Bytes for a range: what is expected, and what the two models of the guide plan."""

    expected_bytes: int
    export_plan_bytes: int
    viewing_plan_bytes: int
    measured: int  # cameras whose rate is known
    cameras: int


def measured_kbps(profiles: Mapping[str, Any]) -> int | None:
    """The HD rate that a recorder reports for a camera (Any: its own JSON), if it is usable."""
    hd = profiles.get("hd")
    kbps = hd.get("kbps") if isinstance(hd, Mapping) else None
    return round(kbps) if isinstance(kbps, int | float) and 0 < kbps < 1_000_000 else None


def planned_kbps(profiles: Mapping[str, Any]) -> int:
    """What the guide plans for the export of such a camera."""
    hd = profiles.get("hd")
    width = hd.get("width") if isinstance(hd, Mapping) else None
    return EXPORT_SMALL_KBPS if isinstance(width, int) and 0 < width <= SMALL_WIDTH else EXPORT_KBPS


def estimate(cameras: Iterable[Mapping[str, Any]], seconds: float) -> Estimate:
    """For cameras with these reported profiles."""
    known = [(measured_kbps(profiles), planned_kbps(profiles)) for profiles in cameras]
    return Estimate(
        expected_bytes=_bytes(sum(measured or planned for measured, planned in known), seconds),
        export_plan_bytes=_bytes(sum(planned for _, planned in known), seconds),
        viewing_plan_bytes=_bytes(VIEWING_HD_KBPS * len(known), seconds),
        measured=sum(measured is not None for measured, _ in known),
        cameras=len(known),
    )


def _bytes(kbps: int, seconds: float) -> int:
    return round(kbps * 125 * seconds)
