"""What this recorder says about itself: to the portal, to `status`, and on its start page."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

from cmr.api.routes import camera_object
from cmr.archive.store import Usage
from cmr.archive.writer import ArchiveWriter
from cmr.cameras.camera import Camera
from cmr.config import WebConfig
from protocol.times import format_time, from_90k

# Documentation addresses (RFC 5737, RFC 3849): asking the kernel for a route sends nothing.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


async def cameras_report(
    cameras: Mapping[int, Camera], writer: ArchiveWriter
) -> list[dict[str, object]]:
    """The camera objects of the recorder API, in the order of their numbers."""
    return [await camera_object(writer.reader, camera) for _, camera in sorted(cameras.items())]


def gist(cameras: Mapping[int, Camera], usage: Usage) -> object:
    """What the portal should hear of soon when it changes: how each stream is doing, and whether
    the archive is counted. Costs nothing to ask."""
    states = {
        (number, profile): stream.state_name
        for number, camera in cameras.items()
        for profile, stream in camera.streams.items()
    }
    return states, usage.is_counted


def storage_report(usage: Usage) -> dict[str, Any] | None:  # Any: JSON
    """The storage object of the heartbeat; None while the archive is not counted yet."""
    if not usage.is_counted:
        return None
    oldest = None if usage.oldest_90k is None else format_time(from_90k(usage.oldest_90k))
    return {
        "used_bytes": usage.used_bytes,
        "capacity_bytes": usage.capacity_bytes,
        "oldest": oldest,
    }


def local_addresses(web: WebConfig) -> list[str]:
    """Where this machine's web door can be reached on its own network."""
    if web.host not in {"0.0.0.0", "::"}:
        return [web.host] if _is_address(web.host) else []
    families = (socket.AF_INET,) if web.host == "0.0.0.0" else (socket.AF_INET6, socket.AF_INET)
    found = [_source_address(family, to) for family, to in _ELSEWHERE if family in families]
    return [address for address in found if address is not None]


def certificate_words(expires_at: dt.datetime | None) -> str:
    """How long the certificate of https lasts."""
    return "" if expires_at is None else f"valid until {expires_at:%Y-%m-%d}"


def _source_address(family: socket.AddressFamily, to: str) -> str | None:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((to, 9))
        return str(probe.getsockname()[0])
    return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def size_words(size: int) -> str:
    """Bytes in the unit a disk is sold in."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 10**6:.0f} MB"
