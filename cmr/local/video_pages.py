"""The live and recorded pages: the portal's players, with this recorder alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cmr.api.routes import Api, camera_object
from cmr.cameras.camera import Camera
from cmr.local.html import Markup, fill, join, render
from cmr.local.machine import Machine
from cmr.local.pages import page
from cmr.local.visit import Visit
from protocol.tokens import AccessToken

LAYOUTS = (1, 4, 9)
MAX_RECORDED = 9  # cameras in step
_NUMBERS = re.compile(r"[1-9][0-9]{0,3}(,[1-9][0-9]{0,3}){0,63}")
_TIME = re.compile(r"[0-9TZ:.+-]{1,40}")


def live_page(machine: Machine, host_id: str, visit: Visit, access: AccessToken) -> Markup:
    allowed = _allowed(machine.cameras, access, "live")
    cameras = [camera for _, camera in sorted(allowed.items())]
    layout = _layout(visit.query.get("layout", ""), len(cameras))
    pages = max(1, -(-len(cameras) // layout))
    number = min(pages, max(1, _number(visit.query.get("page", ""), 1)))
    shown = cameras[(number - 1) * layout : number * layout]
    content = render(
        "live",
        heading=shown[0].name if layout == 1 and shown else "Live",
        lead=f"Camera {number} of {pages}" if layout == 1 else _count(len(cameras)),
        layout=layout,
        layouts=join(_layout_link(choice, layout) for choice in LAYOUTS),
        shown=",".join(str(camera.number) for camera in shown[:MAX_RECORDED]),
        tiles=join(_live_tile(camera, host_id, layout) for camera in shown),
        pager=_pager(layout, number, pages),
    )
    content = content if cameras else _empty(machine)
    return page(machine, "Live", content, visit.who, address="/live/", page_class="is-wide")


async def recorded_page(
    machine: Machine, api: Api, host_id: str, visit: Visit, access: AccessToken
) -> Markup:
    allowed = _allowed(machine.cameras, access, "playback")
    cameras = _chosen(allowed, visit.query.get("cameras", ""))
    spans = await asyncio.gather(
        *(
            camera_object(api.archive, camera, access.spans("playback", camera.number))
            for camera in cameras
        )
    )
    time = visit.query.get("time", "")
    layout = next(size for size in LAYOUTS if size >= len(cameras) or size == LAYOUTS[-1])
    content = render(
        "recorded",
        heading=cameras[0].name if len(cameras) == 1 else "Recorded",
        lead="" if len(cameras) == 1 else f"{_count(len(cameras))} in step",
        time=time if _TIME.fullmatch(time) else "",
        cameras=_camera_choice(allowed, [camera.number for camera in cameras]),
        layout=layout,
        count=len(cameras),
        tiles=join(
            _recorded_tile(camera, host_id, len(cameras), span["recorded_to"])
            for camera, span in zip(cameras, spans, strict=True)
        ),
    )
    content = content if cameras else _empty(machine)
    return page(machine, "Recorded", content, visit.who, address="/recorded/", page_class="is-wide")


def _allowed(cameras: Mapping[int, Camera], access: AccessToken, right: str) -> dict[int, Camera]:
    return {n: camera for n, camera in cameras.items() if access.allows(right, n)}


def _empty(machine: Machine) -> Markup:
    return render("nothing_granted" if machine.cameras else "empty")


def _layout(text: str, cameras: int) -> int:
    wanted = _number(text, 0)
    if wanted in LAYOUTS:
        return wanted
    return next((size for size in LAYOUTS if size >= cameras), LAYOUTS[-1])


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else default


def _count(cameras: int) -> str:
    return "1 camera" if cameras == 1 else f"{cameras} cameras"


def _chosen(cameras: Mapping[int, Camera], text: str) -> list[Camera]:
    wanted = [int(number) for number in text.split(",")] if _NUMBERS.fullmatch(text) else []
    found = [cameras[number] for number in dict.fromkeys(wanted) if number in cameras]
    return (found or [camera for _, camera in sorted(cameras.items())])[:MAX_RECORDED]


def _layout_link(layout: int, chosen: int) -> Markup:
    words = "1 camera" if layout == 1 else f"{layout} cameras"
    current = Markup(' aria-current="true"') if layout == chosen else Markup("")
    link = (
        '<a href="/live/?layout={layout}" data-keeps-choice{current} aria-label="{words}" '
        'title="{words}">{layout}</a>'
    )
    return fill(link, layout=layout, current=current, words=words)


def _pager(layout: int, number: int, pages: int) -> Markup:
    if pages == 1:
        return Markup("")
    link = (
        '<a class="button is-small" data-keeps-choice href="/live/?layout={l}&amp;page={n}">{w}</a>'
    )
    nothing = Markup("<span></span>")
    previous = fill(link, l=layout, n=number - 1, w="Previous") if number > 1 else nothing
    following = fill(link, l=layout, n=number + 1, w="Next") if number < pages else nothing
    return render("pager", previous=previous, page=number, pages=pages, next=following)


def _live_tile(camera: Camera, host_id: str, layout: int) -> Markup:
    facts: dict[str, Any] = camera.status()["profiles"]  # Any: JSON
    rates = {name: profile["kbps"] for name, profile in facts.items() if profile["kbps"]}
    return render(
        "tile",
        name=camera.name,
        number=camera.number,
        host_id=host_id,
        profile="hd" if layout == 1 or "sd" not in camera.streams else "sd",
        profiles=",".join(camera.streams),
        kbps=join(fill(' data-{p}-kbps="{k}"', p=name, k=rate) for name, rate in rates.items()),
        enlarge=render("enlarge", name=camera.name) if layout > 1 else Markup(""),
    )


def _recorded_tile(camera: Camera, host_id: str, count: int, recorded_to: object) -> Markup:
    is_known = recorded_to is not None
    return render(
        "recorded_tile",
        name=camera.name,
        number=camera.number,
        host_id=host_id,
        profile="hd" if count == 1 or "sd" not in camera.streams else "sd",
        profiles=",".join(camera.streams),
        recorded_to=fill(' data-recorded-to="{t}"', t=recorded_to) if is_known else Markup(""),
        enlarge=render("enlarge", name=camera.name) if count > 1 else Markup(""),
    )


def _camera_choice(cameras: Mapping[int, Camera], chosen: Sequence[int]) -> Markup:
    numbers = sorted(cameras)
    every = _option(",".join(map(str, numbers[:MAX_RECORDED])), "All cameras", len(chosen) > 1)
    option = [_option(str(n), cameras[n].name, list(chosen) == [n]) for n in numbers]
    return join([every, *option] if len(numbers) > 1 else option)


def _option(value: str, words: str, is_chosen: bool) -> Markup:
    chosen = Markup(" selected") if is_chosen else Markup("")
    return fill('<option value="{v}"{c}>{w}</option>', v=value, c=chosen, w=words)
