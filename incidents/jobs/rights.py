"""What the requester of an export may do at this moment."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from incidents.jobs.outcomes import Failure, Withdrawn
from incidents.models import Export
from recorders.models import Camera
from streaming.services import issue_token


def fresh_token(export: Export, camera_id: object, now: datetime) -> str:
    """An access token of the requester, with rights read anew; raises Withdrawn or Failure."""
    user = User.objects.filter(pk__in=[export.requested_by_id]).first()
    camera = Camera.objects.select_related("recorder__organisation").get(pk=camera_id)
    recorder = camera.recorder
    if recorder.removed_at is not None:
        raise Withdrawn(f"Recorder “{recorder}” was removed from My Recorders.")
    if user is None or not user.is_active:
        raise Withdrawn(f"{user or 'The person who asked for it'} no longer has an account here.")
    if recorder.organisation_id != export.incident.organisation_id:
        raise Withdrawn(f"Recorder “{recorder}” belongs to another organisation now.")
    if not Camera.objects.with_right(user, "export").filter(pk=camera.pk).exists():
        raise Withdrawn(f"{user} may no longer export camera “{camera}”.")
    if not camera.is_present:
        raise Failure(f"Camera “{camera}” is no longer in the list of recorder “{recorder}”.")
    return issue_token(user, recorder, f"export-{export.pk}", now).text
