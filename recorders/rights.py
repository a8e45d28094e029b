"""Rights on many recorders at once, in two queries; `recorders.policy` answers for one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from accounts.models import Membership, Organisation, User
from recorders.models import Grant, Recorder
from recorders.policy import ALL_RIGHTS


def rights_on(user: User, recorders: Sequence[Recorder]) -> dict[UUID, frozenset[str]]:
    """What `policy.recorder_rights` says for each: rights on the recorder as a whole."""
    administered = set(Organisation.objects.administered_by(user).values_list("pk", flat=True))
    grants = Grant.objects.filter(
        camera=None, group__memberships__in=Membership.objects.in_force(user)
    ).values_list("group__organisation", "recorder", "right")
    held = list(grants)
    return {
        recorder.pk: ALL_RIGHTS
        if recorder.organisation_id in administered
        else frozenset(
            right
            for organisation, scope, right in held
            if organisation == recorder.organisation_id and scope in (None, recorder.pk)
        )
        for recorder in recorders
    }
