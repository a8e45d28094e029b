"""Tells webhooks when recorders and cameras go and come.

`Recorder.announced_online` is what was told last: whoever changes it tells, so of two processes one
does. None, before the first heartbeat, is told by the registration alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.webhooks.service import announce
from recorders.models import ONLINE_WITHIN, Camera, Recorder

STREAMING = "streaming"
AT_ONCE = 500  # of one run of the beat; the next takes the others


def tell_online(recorder: Recorder) -> None:
    """At a heartbeat: one query, and only when it was told offline or nothing before."""
    if recorder.announced_online:
        return
    with transaction.atomic():
        quiet = Recorder.objects.present().filter(pk=recorder.pk).exclude(announced_online=True)
        if quiet.update(announced_online=True):
            announce(recorder.organisation_id, "recorder.online", recorder_facts(recorder))
    recorder.announced_online = True


def tell_offline(now: datetime) -> None:
    """From the beat: recorders whose heartbeats stopped."""
    silent = Recorder.objects.present().filter(
        announced_online=True, last_seen_at__lt=now - ONLINE_WITHIN
    )
    for recorder in silent.select_related("location")[:AT_ONCE]:
        with transaction.atomic():
            if silent.filter(pk=recorder.pk).update(announced_online=False):
                announce(recorder.organisation_id, "recorder.offline", recorder_facts(recorder))


def tell_cameras(recorder: Recorder, before: dict[int, Camera], after: Iterable[Camera]) -> None:
    """Cameras that a heartbeat says are lost or back; new ones are told by nobody."""
    for camera in after:
        known = before.get(camera.number)
        was, now_is = known is not None and known.state == STREAMING, camera.state == STREAMING
        if known is not None and was != now_is and known.state != "connecting":
            event = "camera.back" if now_is else "camera.lost"
            announce(recorder.organisation_id, event, camera_facts(recorder, known, camera))


def recorder_facts(recorder: Recorder) -> dict[str, Any]:
    return {
        "recorder": {
            "id": str(recorder.pk),
            "name": recorder.name,
            "location": recorder.location.name if recorder.location else None,
        },
        "last_seen_at": recorder.last_seen_at and recorder.last_seen_at.isoformat(),
    }


def camera_facts(recorder: Recorder, known: Camera, reported: Camera) -> dict[str, Any]:
    camera = {"id": str(known.pk), "number": known.number, "name": reported.name}
    facts = {"state": reported.state, "detail": reported.detail}
    return {**recorder_facts(recorder), "camera": {**camera, **facts}}
