"""The status page: cameras, storage, portal, relay, doors, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cmr.local.html import Markup, fill, join
from cmr.local.machine import Machine
from cmr.local.onsite_words import who_words
from cmr.local.pages import header, message, page
from cmr.local.visit import Visit
from cmr.local.who import LISTED
from cmr.report import size_words
from protocol.tokens import AccessToken

_GOOD, _BUSY, _BAD = "is-good", "is-busy", "is-bad"


async def status_page(
    machine: Machine, visit: Visit, access: AccessToken, list_words: Markup
) -> Markup:
    """Cameras that the person may see; `list_words` tell of the on-site list."""
    status = await machine.status()
    cameras = [camera for camera in status["cameras"] if access.grants.get(camera["number"])]
    is_limited = visit.who.kind == LISTED and not visit.who.may_configure
    if is_limited and status["storage"] is not None:
        status["storage"] = {**status["storage"], "oldest": None}  # not theirs to know
    content = join(
        [
            header("Status", f"Version {status['version']}"),
            *(message("warning", _sentence(problem)) for problem in status["problems"]),
            _card("Recorder", _facts(status)),
            _card("Signing in here", _sign_in(visit, list_words)),
            _card("Cameras", _cameras(cameras), "is-flush"),
        ]
    )
    refresh = Markup('<script type="module" src="/static/js/local/status_page.js"></script>')
    wrapped = fill('<div class="stack is-loose" data-refresh>{content}</div>', content=content)
    return page(machine, "Status", wrapped, visit.who, address="/status/", head=refresh)


def _card(title: str, content: Markup, kind: str = "") -> Markup:
    card = '<section class="card {kind}"><header><h2>{title}</h2></header>{content}</section>'
    return fill(card, kind=kind, title=title, content=content)


def _facts(status: dict[str, Any]) -> Markup:  # Any: JSON
    rows = join(fill("<dt>{n}</dt><dd>{t}</dd>", n=name, t=text) for name, text in _rows(status))
    return fill('<dl class="facts">{rows}</dl>', rows=rows)


def _sign_in(visit: Visit, list_words: Markup) -> Markup:
    rows = '<dl class="facts"><dt>You</dt><dd>{who}</dd><dt>People of the portal</dt><dd>{l}</dd>'
    return fill(rows + "</dl>", who=who_words(visit.who), l=list_words)


def _rows(status: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "Storage", _storage(status["storage"])
    yield "Portal", _sentence(status["portal"])
    yield "Relay", _sentence(status["relay"])
    for key, name in (("proxy", "Proxy"), ("nat", "NAT of this network")):
        if words := status.get(key):
            yield name, _sentence(str(words))
    yield "This page", join(_address(text) for text in status["addresses"]) or "Not served"
    if status["certificate"]:
        yield "Certificate", _sentence(status["certificate"])


def _address(text: str) -> Markup:
    return fill('<code class="nowrap">{text}</code> ', text=text)


def _storage(storage: dict[str, Any] | None) -> object:
    if storage is None:
        return "The recordings are being counted"
    used, capacity = storage["used_bytes"], storage["capacity_bytes"]
    percent = min(100, round(100 * used / capacity)) if capacity else 0
    bar = (
        '<progress class="progress storage-bar" max="100" value="{percent}" '
        'aria-label="Storage used">{percent} %</progress>{used} of {capacity} used{oldest}'
    )
    since = ', oldest recording <time datetime="{t}" data-local="datetime">{t}</time>'
    oldest = fill(since, t=storage["oldest"]) if storage["oldest"] else Markup("")
    words = {"used": size_words(used), "capacity": size_words(capacity)}
    return fill(bar, percent=percent, oldest=oldest, **words)


def _cameras(cameras: list[dict[str, Any]]) -> Markup:
    if not cameras:
        words = "No camera is configured yet, or none is yours to see."
        return fill('<div class="empty"><p>{words}</p></div>', words=words)
    return fill('<ul class="list camera-list">{rows}</ul>', rows=join(map(_camera, cameras)))


def _camera(camera: dict[str, Any]) -> Markup:
    row = (
        '<li><span class="main"><strong><bdi>{name}</bdi></strong><small>{detail}</small>{profiles}'
        '</span><span class="status {tone}">{state}</span></li>'
    )
    state = str(camera["state"])
    tone = {"streaming": _GOOD, "connecting": _BUSY}.get(state, _BAD)
    return fill(
        row,
        name=camera["name"],
        detail=_detail(camera),
        profiles=join(_profile(name, facts) for name, facts in camera["profiles"].items()),
        tone=tone,
        state=_sentence(state.replace("_", " ")),
    )


def _detail(camera: dict[str, Any]) -> str:
    """What is wrong with it; its number when nothing is."""
    is_well = camera["state"] == "streaming" or not camera["detail"]
    return f"Camera {camera['number']}" if is_well else _sentence(camera["detail"])


def _profile(name: str, facts: dict[str, Any]) -> Markup:
    row = '<small class="profile"><span class="tag">{name}</span> {words}</small>'
    words = str(facts["state"]).replace("_", " ")
    if facts["state"] == "streaming" and facts["width"] is not None:
        rate = (
            "" if facts["kbps"] is None else f" · {facts['fps']:.0f} fps · {facts['kbps']:,} kbps"
        )
        words = f"{facts['width']} \N{MULTIPLICATION SIGN} {facts['height']}{rate}"
    return fill(row, name=name.upper(), words=words)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
