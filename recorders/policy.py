"""The one answer to "what may this person do here?", behind page, API, websocket and token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import Q

from accounts.models import Membership, Organisation
from protocol.tokens import RIGHTS
from recorders.models import Camera, Grant, Recorder

if TYPE_CHECKING:
    from accounts.models import User

ALL_RIGHTS = frozenset(RIGHTS)
NO_RIGHTS: frozenset[str] = frozenset()


def is_administrator(user: User, organisation: Organisation) -> bool:
    return Organisation.objects.administered_by(user).filter(pk=organisation.pk).exists()


def recorder_rights(user: User, recorder: Recorder) -> frozenset[str]:
    """Rights on the recorder as a whole (`configure` is only ever here). Empty when invisible."""
    if not _is_visible(user, recorder):
        return NO_RIGHTS
    if is_administrator(user, recorder.organisation):
        return ALL_RIGHTS
    return frozenset(g.right for g in _grants(user, recorder) if g.camera_id is None)


def camera_rights(user: User, recorder: Recorder) -> dict[Camera, frozenset[str]]:
    """Rights on each present camera of the recorder; cameras without any are left out."""
    if not _is_visible(user, recorder):
        return {}
    is_all = is_administrator(user, recorder.organisation)
    grants = [] if is_all else list(_grants(user, recorder))
    everywhere = ALL_RIGHTS if is_all else {g.right for g in grants if g.camera_id is None}
    cameras = recorder.cameras.filter(is_present=True)
    found = {camera: _on_camera(camera, frozenset(everywhere), grants) for camera in cameras}
    return {camera: rights for camera, rights in found.items() if rights}


def _is_visible(user: User, recorder: Recorder) -> bool:
    return Recorder.objects.visible_to(user).filter(pk=recorder.pk).exists()


def _grants(user: User, recorder: Recorder) -> Iterable[Grant]:
    """All grants that reach the user and concern this recorder or its cameras."""
    return Grant.objects.filter(
        Q(recorder=None, camera=None) | Q(recorder=recorder) | Q(camera__recorder=recorder),
        group__memberships__in=Membership.objects.in_force(user),
        group__organisation=recorder.organisation_id,
    )


def _on_camera(
    camera: Camera, everywhere: frozenset[str], grants: Iterable[Grant]
) -> frozenset[str]:
    own = frozenset(grant.right for grant in grants if grant.camera_id == camera.pk)
    return (everywhere | own) - {"configure"}
