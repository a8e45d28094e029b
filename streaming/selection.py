"""Which cameras a video page shows, and how: its address, within what the person may see."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, QueryDict

from recorders.models import Camera, Recorder
from streaming.broker.offers import PATHS

if TYPE_CHECKING:
    from accounts.models import User

LAYOUTS = (1, 4, 9, 16)
MAX_CAMERAS = 64  # four pages of the largest layout
MAX_RECORDED = 16  # cameras that play in step
PROFILE_CHOICES = ("auto", "hd", "sd")
PATH_CHOICES = (
    ("auto", "Any path"),
    ("lan", "LAN"),
    ("manual_nat", "Manual NAT"),
    ("p2p", "Peer-to-peer"),
    ("relay", "Relay"),
)
WORDS = {"live": "watch this camera live", "playback": "watch what this camera recorded"}


@dataclass(frozen=True)
class Selection:
    """Cameras in the order of the address; `left_out` counts those the person may not watch."""

    cameras: list[Camera]
    left_out: int


@dataclass(frozen=True)
class Site:
    """A recorder with the cameras that may be chosen."""

    recorder: Recorder
    cameras: list[Camera]


def camera_ids(query: QueryDict) -> list[UUID]:
    """Ids in `cameras`, separated by commas or repeated. Raises Http404 for what is no id."""
    words = [
        word for value in query.getlist("cameras") for word in value.split(",") if word.strip()
    ]
    try:
        ids = [UUID(word.strip()) for word in words]
    except ValueError:
        raise Http404("a camera id is malformed") from None
    return list(dict.fromkeys(ids))


def select(user: User | AnonymousUser, ids: list[UUID], right: str, limit: int) -> Selection:
    """Raises Http404 when none of them is visible, PermissionDenied when none may be watched."""
    visible = Camera.objects.visible_to(user).filter(pk__in=ids, is_present=True)
    if not visible.exists():
        raise Http404("no camera of these is visible")
    allowed = visible.with_right(user, right).select_related("recorder__location")
    found = {camera.pk: camera for camera in allowed}
    if not found:
        raise PermissionDenied(f"None of your groups has the right to {WORDS[right]}.")
    cameras = [found[id_] for id_ in ids if id_ in found][:limit]
    return Selection(cameras, len(ids) - len(cameras))


def ids_with_right(
    user: User | AnonymousUser, right: str, cameras: Collection[Camera]
) -> list[str]:
    """Ids of those of `cameras` for which the person has this right too, in the same order."""
    wanted = [camera.pk for camera in cameras]
    allowed = Camera.objects.visible_to(user).with_right(user, right).filter(pk__in=wanted)
    found = set(allowed.values_list("pk", flat=True))
    return [str(pk) for pk in wanted if pk in found]


def sites(cameras: Iterable[Camera]) -> list[tuple[str, list[Site]]]:
    """Cameras that are sorted by place, by location and recorder."""
    by_recorder = [
        Site(recorder, list(group))
        for recorder, group in groupby(cameras, key=lambda camera: camera.recorder)
    ]
    return [(name, list(group)) for name, group in groupby(by_recorder, key=_location_name)]


def _location_name(site: Site) -> str:
    return site.recorder.location.name if site.recorder.location else ""


@dataclass(frozen=True)
class View:
    """How the live page shows its cameras."""

    layout: int
    profile: str
    path: str
    page: int

    def window(self, count: int) -> slice:
        """The cameras of this page; a page past the last shows the last."""
        page = min(self.page, self.pages(count))
        return slice((page - 1) * self.layout, page * self.layout)

    def pages(self, count: int) -> int:
        return max(1, math.ceil(count / self.layout))


def view_of(query: QueryDict, camera_count: int) -> View:
    """From the address; what it does not say, or says wrongly, follows from the cameras."""
    layout = _one_of(query.get("layout"), [str(number) for number in LAYOUTS])
    page = query.get("page", "")
    return View(
        layout=int(layout) if layout else fitting_layout(camera_count),
        profile=_one_of(query.get("profile"), PROFILE_CHOICES) or "auto",
        path=_one_of(query.get("path"), ("auto", *PATHS)) or "auto",
        page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 4 else 1,
    )


def fitting_layout(camera_count: int) -> int:
    """The smallest layout that holds so many cameras, or the largest there is."""
    return next((layout for layout in LAYOUTS if camera_count <= layout), LAYOUTS[-1])


def _one_of(value: str | None, known: Collection[str | None]) -> str | None:
    return value if value in known else None
