"""Incidents and their exports: made, waited for, downloaded and checked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from contera_cli.errors import CommandFailed
from contera_cli.portal import Camera, Portal

LOOK_EVERY_S = 2.0
CHUNK = 256 * 1024
ENDED = ("done", "failed", "cancelled")


def make_incident(
    portal: Portal, cameras: Sequence[Camera], start: str, end: str, title: str, note: str
) -> dict[str, Any]:
    """The incident, whose export has begun (Any: JSON)."""
    wanted = {
        "title": title,
        "note": note,
        "start": start,
        "end": end,
        "camera_ids": [camera.facts["id"] for camera in cameras],
    }
    made: dict[str, Any] = portal.call("POST", "incidents/", body=wanted)
    return made


def newest_export(portal: Portal, incident_id: str) -> dict[str, Any]:
    exports: list[dict[str, Any]] = portal.call("GET", f"incidents/{incident_id}/exports/")
    if not exports:
        raise CommandFailed("This incident has no export.")
    return exports[0]


def wait_for(
    portal: Portal,
    export: dict[str, Any],
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """The export once it ended well; raises CommandFailed with its reason."""
    told = ""
    while export["state"] not in ENDED:
        words = f"{export['state']}{': ' + export['error'] if export['error'] else ''}"
        if words != told:
            say(words)
            told = words
        sleep(LOOK_EVERY_S)
        export = portal.call("GET", f"exports/{export['id']}/")
    if export["state"] != "done":
        raise CommandFailed(f"The export {export['state']}: {export['error'] or 'no reason given'}")
    return export


def download(portal: Portal, export: dict[str, Any], folder: Path) -> list[Path]:
    """Clips, manifest and its signature; raises CommandFailed when a clip is not what it was."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for clip in export["clips"]:
        if not clip["sha256"]:
            continue
        file = folder / f"clip-{clip['id']}.mp4"
        _fetch(portal, f"exports/{export['id']}/clips/{clip['id']}/", file, clip["sha256"])
        files.append(file)
    for path, name in (("manifest", "manifest.json"), ("signature", "manifest.json.jws")):
        _fetch(portal, f"exports/{export['id']}/{path}/", folder / name)
        files.append(folder / name)
    return files


def _fetch(portal: Portal, path: str, file: Path, sha256: str = "") -> None:
    url = f"{portal.account.portal}/api/v1/{path}"
    answer = portal.web.request("GET", url, f"Token {portal.account.token}")
    digest, draft = hashlib.sha256(), file.with_name(f".{file.name}")
    with draft.open("wb") as output:
        for chunk in answer.stream(CHUNK, decode_content=False):
            digest.update(chunk)
            output.write(chunk)
    if sha256 and digest.hexdigest() != sha256:
        draft.unlink()
        raise CommandFailed(f"{file.name}: what came is not what was exported; try again.")
    draft.replace(file)
