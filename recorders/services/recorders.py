"""Changes to a recorder: its name, its location, its removal."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.organisations.outsiders import everybody_at
from accounts.webhooks.service import announce
from recorders.models import Location, Recorder
from recorders.services.presence import recorder_facts


def rename_and_move(recorder: Recorder, name: str, location: Location | None, actor: Actor) -> None:
    """Keeps name and location; says what changed in the audit trail, nothing when nothing did."""
    before, left = _facts(recorder), recorder.location
    recorder.name, recorder.location = name, location
    after = _facts(recorder)
    if before == after:
        return
    with transaction.atomic():
        recorder.save(update_fields=["name", "location"])
        record(
            recorder.organisation,
            actor,
            "recorder.changed",
            recorder,
            recorder=str(recorder.pk),
            before=before,
            after=after,
        )
        if left is not None and left != location:
            announce_change(left.grants.people())


def remove(recorder: Recorder, actor: Actor, now: datetime) -> None:
    """The row stays, for incidents and the audit trail; running sessions end."""
    with transaction.atomic():
        if not Recorder.objects.present().filter(pk=recorder.pk).update(removed_at=now):
            return
        record(
            recorder.organisation, actor, "recorder.removed", recorder, recorder=str(recorder.pk)
        )
        announce(recorder.organisation_id, "recorder.removed", recorder_facts(recorder))
        announce_change(everybody_at(recorder.organisation))


def _facts(recorder: Recorder) -> dict[str, str]:
    return {
        "name": recorder.name,
        "location": recorder.location.name if recorder.location else "",
    }
