"""Live and recorded video pages. Access tokens are made by the session API, not here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from protocol.errors import ProtocolError
from protocol.times import format_time, parse_time
from recorders.camera_choice import camera_page, find_cameras
from recorders.models import Camera
from recorders.words import MAX_TEXT
from streaming.selection import (
    LAYOUTS,
    MAX_CAMERAS,
    MAX_RECORDED,
    PATH_CHOICES,
    PROFILE_CHOICES,
    View,
    camera_ids,
    fitting_layout,
    ids_with_right,
    select,
    sites,
    view_of,
)

Page = Callable[[HttpRequest], HttpResponseBase]


def reaching_recorders(view: Page) -> Page:
    """A page whose scripts may connect to recorders, wherever they are; over https without mixed
    content (L9)."""
    secure = csp_update({"connect-src": ["wss:"]})(view)
    plain = csp_update({"connect-src": ["ws:", "wss:"]})(view)

    @wraps(view)
    def page(request: HttpRequest) -> HttpResponseBase:
        return (secure if request.is_secure() else plain)(request)

    return page


@login_required
@require_safe
@reaching_recorders
def live(request: HttpRequest) -> HttpResponse:
    """Tiles of live video; without cameras, or with `pick`, a page to choose them."""
    ids = camera_ids(request.GET)
    if not ids or "pick" in request.GET:
        return _picker(request, "live", ids, MAX_CAMERAS)
    selection = select(request.user, ids, "live", MAX_CAMERAS)
    view = view_of(request.GET, len(selection.cameras))
    shown = selection.cameras[view.window(len(selection.cameras))]
    playable = ids_with_right(request.user, "playback", shown)
    context = {
        "cameras": [
            _tile(camera, view.profile, len(shown), may_play_back=str(camera.pk) in playable)
            for camera in shown
        ],
        "first": shown[0],
        "single": len(shown) == 1,
        "left_out": selection.left_out,
        "view": view,
        "layouts": [
            (layout, _address(request.GET, layout=str(layout), page="1")) for layout in LAYOUTS
        ],
        "empty_tiles": range(view.layout - len(shown)) if view.layout > 1 else (),
        "profiles": PROFILE_CHOICES,
        "paths": PATH_CHOICES,
        "ids": ",".join(str(camera.pk) for camera in selection.cameras),
        "playable_ids": ",".join(playable),
        **_pager(request.GET, view, len(selection.cameras)),
    }
    return render(request, "streaming/live.html", context)


@login_required
@require_safe
@reaching_recorders
def recorded(request: HttpRequest) -> HttpResponse:
    """Recorded video of up to 16 cameras in step, from a moment on."""
    ids = camera_ids(request.GET)
    if not ids or "pick" in request.GET:
        return _picker(request, "playback", ids, MAX_RECORDED)
    selection = select(request.user, ids, "playback", MAX_RECORDED)
    cameras = selection.cameras
    view = view_of(request.GET, len(cameras))
    profile = view.profile
    context = {
        "cameras": [_tile(camera, profile, len(cameras)) for camera in cameras],
        "first": cameras[0],
        "left_out": selection.left_out,
        "layout": fitting_layout(len(cameras)),
        "profiles": PROFILE_CHOICES,
        "profile": profile,
        "paths": PATH_CHOICES,
        "path": view.path,
        "ids": ",".join(str(camera.pk) for camera in cameras),
        "live_ids": ",".join(ids_with_right(request.user, "live", cameras)),
        "export_ids": ",".join(ids_with_right(request.user, "export", cameras)),
        "time": _moment(request.GET),
    }
    return render(request, "streaming/recorded.html", context)


def _picker(request: HttpRequest, right: str, chosen: list[UUID], limit: int) -> HttpResponse:
    """A page of the cameras to choose from; those chosen on other pages stay chosen."""
    now, text = timezone.now(), request.GET.get("q", "")[:MAX_TEXT]
    page = camera_page(request.user, right, text, request.GET.get("pick", ""))
    here = {camera.pk for camera in page}
    kept = [pk for pk in chosen if pk not in here][:limit]
    groups = [
        (name, [(site, site.recorder.is_online(now)) for site in group])
        for name, group in sites(page)
    ]
    context = {
        "page": page,
        "groups": groups,
        "chosen": set(chosen),
        "kept": find_cameras(request.user, right).filter(pk__in=kept),
        "text": text,
        "right": right,
        "limit": limit,
        "time": _moment(request.GET),
    }
    return render(request, "streaming/picker.html", context)


def _tile(
    camera: Camera, choice: str, count: int, *, may_play_back: bool = True
) -> dict[str, Any]:  # template context
    """A camera with the profile it starts with: one camera HD, a grid SD, as far as it has them."""
    available = sorted(camera.profiles) or ["hd", "sd"]
    wanted = ("hd" if count == 1 else "sd") if choice == "auto" else choice
    profile = wanted if wanted in available else available[0]
    return {
        "camera": camera,
        "profile": profile,
        "profiles": ",".join(available),
        "kbps": [(name, kbps) for name in available if (kbps := _reported_kbps(camera, name))],
        "may_play_back": may_play_back,
    }


def _reported_kbps(camera: Camera, profile: str) -> int:
    """What the recorder measured of this stream in its last report; 0 when it did not say."""
    return int(camera.profiles.get(profile, {}).get("kbps") or 0)


def _pager(query: QueryDict, view: View, count: int) -> dict[str, Any]:  # template context
    pages = view.pages(count)
    page = min(view.page, pages)
    return {
        "page": page,
        "pages": pages,
        "previous": _address(query, page=str(page - 1)) if page > 1 else "",
        "next": _address(query, page=str(page + 1)) if page < pages else "",
    }


def _address(query: QueryDict, **changed: str) -> str:
    """The same page with some parameters changed."""
    kept = {name: query[name] for name in ("cameras", "layout", "profile", "path") if name in query}
    kept["cameras"] = ",".join(query.getlist("cameras"))
    return "?" + urlencode({**kept, **changed}, safe=",")


def _moment(query: QueryDict) -> str:
    """The RFC 3339 time of the address, or nothing when it has none or a wrong one."""
    try:
        moment: datetime = parse_time(query.get("time", ""))
    except ProtocolError:
        return ""
    return format_time(moment)
