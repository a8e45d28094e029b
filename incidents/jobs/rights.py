"""What the requester of an export may do at this moment."""

from __future__ import annotations

from datetime import datetime

from accounts.askers import asker_of
from accounts.models import User
from incidents.jobs.outcomes import Failure, Withdrawn
from incidents.models import Export
from recorders.explanation import Explanation
from recorders.grants.sentences import REASON_WORDS
from recorders.models import Camera
from recorders.policy import explain
from streaming.services import issue_token


def fresh_token(export: Export, camera_id: object, now: datetime) -> str:
    """An access token of the requester, with rights read anew; raises Withdrawn or Failure."""
    fresh = Export.objects.select_related("requested_by").filter(pk=export.pk).first()
    user = fresh and asker_of(fresh)
    camera = Camera.objects.select_related("recorder__organisation").get(pk=camera_id)
    recorder = camera.recorder
    if recorder.removed_at is not None:
        raise Withdrawn(f"Recorder “{recorder}” was removed from My Recorders.")
    if user is None or not user.is_active:
        raise Withdrawn(f"{user or 'The person who asked for it'} no longer has an account here.")
    if recorder.organisation_id != export.incident.organisation_id:
        raise Withdrawn(f"Recorder “{recorder}” belongs to another organisation now.")
    _check(explain(user, recorder, now), user, camera, export)
    if not camera.is_present:
        raise Failure(f"Camera “{camera}” is no longer in the list of recorder “{recorder}”.")
    return issue_token(user, recorder, f"export-{export.pk}", now).text


def _check(found: Explanation, user: User, camera: Camera, export: Export) -> None:
    """Raises Withdrawn, with the reason when there is one that people know."""
    looks = found.looks("export", camera)
    if not any(look.holds for look in looks):
        reasons = [REASON_WORDS[look.reason] for look in looks if look.reason in REASON_WORDS]
        why = f": {reasons[0]}" if reasons else ""
        raise Withdrawn(f"{user} may no longer export camera “{camera}”{why}.")
    if not found.covers("export", camera, export.incident.start, export.incident.end):
        raise Withdrawn(f"{user} may no longer export all of this time of camera “{camera}”.")
