"""A preflight from the button to its kept result. The row is the truth; a worker only looks in.

QUEUED → RUNNING (the recorder was told) → DONE, or FAILED with words. Each look is short: a worker
never waits for a recorder longer than the relay does.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.askers import asker_of
from accounts.audit import Actor, record
from accounts.models import User
from recorders.models import Preflight, Recorder
from recorders.policy import recorder_rights
from recorders.preflight import BadRows, parse_rows
from streaming import tasks
from streaming.relayed import Silence, ask
from streaming.services import NO_PATHS, issue_token

logger = logging.getLogger(__name__)

State = Preflight.State

TARGET = "/v1/network-test"
LASTS = timedelta(seconds=60)  # the recorder needs at most 45
LOOK_AGAIN_S = 2
KEPT = 10  # of a recorder, the newest
_OPEN = (State.QUEUED, State.RUNNING)

_WORDS = {
    "not_granted": "The person who asked for it may no longer configure the recorder.",
    "not_found": "This version of the recorder has no preflight.",
}


def start(recorder: Recorder, user: User, actor: Actor, now: datetime) -> Preflight:
    """A new preflight, or the one that is under way."""
    with transaction.atomic():
        Recorder.objects.select_for_update().get(pk=recorder.pk)  # two clicks make one
        running = newest(recorder, now)
        if running is not None and running.state in _OPEN:
            return running
        preflight = Preflight.objects.create(
            recorder=recorder,
            requested_by=user,
            requested_at=now,
            circumstances=user.circumstances.to_json(),
        )
        record(
            recorder.organisation,
            actor,
            "preflight.started",
            recorder,
            recorder=str(recorder.pk),
        )
        transaction.on_commit(lambda: tasks.look_at_preflight.delay(str(preflight.pk)), robust=True)
    return preflight


def newest(recorder: Recorder, now: datetime) -> Preflight | None:
    """The last one asked for; one whose worker was lost is over as well."""
    preflight: Preflight | None = recorder.preflights.select_related("requested_by").first()
    if preflight is not None and preflight.state in _OPEN and _is_overdue(preflight, now):
        _fail(preflight, "The recorder did not finish it in time. Start it again.")
    return preflight


def look(preflight_id: UUID | str, now: datetime) -> bool:
    """One look at the recorder; True when somebody should look again soon."""
    found = Preflight.objects.select_related("recorder__organisation", "requested_by")
    preflight = found.filter(pk=preflight_id, state__in=_OPEN).first()
    if preflight is None:
        return False
    if _is_overdue(preflight, now):
        _fail(preflight, "The recorder did not finish it in time. Start it again.")
        return False
    try:
        return _look(preflight, now)
    except (Silence, BadRows) as error:
        _fail(preflight, str(error))
        return False


def _look(preflight: Preflight, now: datetime) -> bool:
    """Raises Silence, BadRows."""
    user, recorder = asker_of(preflight), preflight.recorder
    if user is None or "configure" not in recorder_rights(user, recorder):
        raise Silence(_WORDS["not_granted"])
    token = issue_token(user, recorder, "preflight", now, NO_PATHS).text
    if preflight.state == State.QUEUED:
        _expect(ask(recorder, token, "POST", TARGET), (202, 409))
        _change(preflight, state=State.RUNNING)
        return True
    found = _expect(ask(recorder, token, "GET", TARGET), (200,))
    rows = parse_rows(found)
    is_done = found.get("state") == "done"
    _change(preflight, rows=rows, state=State.DONE if is_done else State.RUNNING)
    if is_done:
        _forget_old(recorder)
    return not is_done


def _expect(answer: tuple[int, dict[str, Any]], wanted: tuple[int, ...]) -> dict[str, Any]:
    """The body (Any: JSON); raises Silence with words for any other status."""
    status, body = answer
    if status in wanted:
        return body
    code = str(body.get("code", ""))
    detail = str(body.get("detail", ""))[:300]
    raise Silence(_WORDS.get(code) or detail or f"The recorder answered {status}.")


def _is_overdue(preflight: Preflight, now: datetime) -> bool:
    return now - preflight.requested_at > LASTS


def _fail(preflight: Preflight, words: str) -> None:
    """The words may be the recorder's own: no database keeps NUL, no log should hold line ends."""
    said = "".join(c for c in words if c.isprintable())[:500]
    logger.info("preflight %s: %s", preflight.pk, said)
    _change(preflight, state=State.FAILED, error=said)


def _change(preflight: Preflight, **facts: Any) -> None:  # Any: values of fields
    """Nothing is written over a result."""
    Preflight.objects.filter(pk=preflight.pk, state__in=_OPEN).update(**facts)
    for name, value in facts.items():
        setattr(preflight, name, value)


def _forget_old(recorder: Recorder) -> None:
    old = recorder.preflights.values_list("pk", flat=True)[KEPT:]
    Preflight.objects.filter(pk__in=list(old)).delete()
