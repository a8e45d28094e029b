"""Grants of a group: which right, on what. Changes are checked, audited and announced."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Group, User
from recorders.models import Camera, Grant, Recorder

CAMERA_RIGHTS = ("live", "playback", "export")
OFFERED_RIGHTS = (*CAMERA_RIGHTS, "configure")  # ptz and audio have no feature behind them yet


@dataclass(frozen=True)
class Given:
    """A right on everything (also recorders added later), on a recorder, or on one camera."""

    right: str
    recorder_id: UUID | None = None
    camera_id: UUID | None = None


def grants_of(group: Group) -> set[Given]:
    rows = group.grants.values_list("right", "recorder_id", "camera_id")
    return {Given(*row) for row in rows}


def set_grants(group: Group, grants: Collection[Given], actor: Actor) -> None:
    """The grants of the group, replacing what was."""
    if group.is_administrators:
        raise NotPossible("built_in", f"{group} have every right in the organisation.")
    with transaction.atomic():
        Group.objects.select_for_update().get(pk=group.pk)  # one change of a group at a time
        before, after = grants_of(group), set(grants)
        if before == after:
            return
        _check(group, after - before)
        _remove(group, before - after)
        Grant.objects.bulk_create(_row(group, given) for given in after - before)
        record(
            group.organisation,
            actor,
            "group.access_changed",
            group,
            before=in_words(before),
            after=in_words(after),
        )
        announce_change(User.objects.filter(memberships__groups=group))


def in_words(grants: Collection[Given]) -> list[str]:
    """`live: everything`, `playback: Gate`, `export: Gate, camera 2 Door`; sorted."""
    recorders = Recorder.objects.in_bulk([g.recorder_id for g in grants if g.recorder_id])
    cameras = Camera.objects.select_related("recorder").in_bulk(
        [g.camera_id for g in grants if g.camera_id]
    )
    return sorted(f"{given.right}: {_scope(given, recorders, cameras)}" for given in grants)


def _scope(given: Given, recorders: dict[UUID, Recorder], cameras: dict[UUID, Camera]) -> str:
    if given.camera_id:
        camera = cameras[given.camera_id]
        return f"{camera.recorder}, camera {camera.number} {camera}"
    return str(recorders[given.recorder_id]) if given.recorder_id else "everything"


def _check(group: Group, added: Iterable[Given]) -> None:
    recorders = set(Recorder.objects.filter(organisation=group.organisation_id).values_list("pk"))
    cameras = set(
        Camera.objects.filter(recorder__organisation=group.organisation_id).values_list("pk")
    )
    for given in added:
        rights = CAMERA_RIGHTS if given.camera_id else OFFERED_RIGHTS
        if given.right not in rights or (given.camera_id and given.recorder_id):
            raise NotPossible("no_such_right", f"{given.right} cannot be given there.")
        if (given.recorder_id and (given.recorder_id,) not in recorders) or (
            given.camera_id and (given.camera_id,) not in cameras
        ):
            raise NotPossible("not_found", "There is no such recorder or camera here.")


def _remove(group: Group, removed: Collection[Given]) -> None:
    rows = group.grants.all()
    gone = [row.pk for row in rows if Given(row.right, row.recorder_id, row.camera_id) in removed]
    group.grants.filter(pk__in=gone).delete()


def _row(group: Group, given: Given) -> Grant:
    return Grant(
        group=group, right=given.right, recorder_id=given.recorder_id, camera_id=given.camera_id
    )
