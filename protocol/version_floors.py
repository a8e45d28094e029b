"""Versions below which a library has a known hole that reaches us; checked when a program starts.

Read again and dated whenever the requirements are locked anew (`make requirements`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

READ_ON = "2026-11-23"


@dataclass(frozen=True)
class Floor:
    package: str
    lowest: str
    advisory: str
    why: str


FLOORS = (
    Floor("Django", "5.2.14", "CVE-2026-5766", "bodies past the memory limit under ASGI"),
    Floor("django-allauth", "65.14.1", "its release notes", "SAML RelayState redirects anywhere"),
    Floor("aiohttp", "3.14.5", "GHSA-2g87-pp6c-29x5", "memory and CPU without bound"),
    Floor("aiohttp", "3.14.5", "GHSA-5wr8-gcqf-gqf3", "no deadline for the head of a request"),
    Floor("PyJWT", "2.13.0", "CVE-2026-48526", "forged tokens are accepted"),
    Floor("cryptography", "49.0.0", "GHSA-537c-gmf6-5ccf", "the OpenSSL inside"),
    Floor("pyOpenSSL", "26.0.0", "CVE-2026-27459", "DTLS cookies overflow a buffer"),
    Floor("pillow", "12.2.0", "CVE-2026-40192", "a picture that unpacks without bound"),
    Floor("urllib3", "2.6.0", "CVE-2025-66471", "an answer that unpacks without bound"),
    Floor("h11", "0.16.0", "CVE-2025-43859", "chunked bodies read too leniently"),
    Floor("requests", "2.32.4", "CVE-2024-47081", "credentials sent to another host"),
)


@dataclass(frozen=True)
class Outdated:
    """An installed library below its floor."""

    installed: str
    floor: Floor

    def __str__(self) -> str:
        floor = self.floor
        return (
            f"{floor.package} {self.installed} has {floor.advisory} ({floor.why}): "
            f"{floor.lowest} or later is needed"
        )


def outdated(installed: Callable[[str], str | None] | None = None) -> list[Outdated]:
    """Every floor that an installed version is below. What is not installed does no harm."""
    look_up = installed or installed_version
    found = [(look_up(floor.package), floor) for floor in FLOORS]
    return [
        Outdated(has, floor)
        for has, floor in found
        if has is not None and _numbers(has) < _numbers(floor.lowest)
    ]


def installed_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    """The release segment of a version (PEP 440); epochs and pre-releases are not compared."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
