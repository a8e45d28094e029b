"""Rights on many recorders at once, in two queries; `recorders.policy` answers for one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from accounts.models import User
from protocol.tokens import RIGHTS
from recorders.models import Recorder


def rights_on(user: User, recorders: Sequence[Recorder]) -> dict[UUID, frozenset[str]]:
    """What `policy.recorder_rights` says for each: rights on the recorder as a whole."""
    found = Recorder.objects.present().with_rights_of(user)
    return {
        recorder.pk: frozenset(right for right in RIGHTS if getattr(recorder, f"may_{right}"))
        for recorder in found.filter(pk__in=[recorder.pk for recorder in recorders]).only("pk")
    }
