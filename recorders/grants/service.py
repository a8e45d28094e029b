"""Changes to what a group may do: checked, audited before and after in words, announced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Group, User
from protocol.tokens import RIGHTS
from recorders.grants.checks import require_editable, require_valid, tidied
from recorders.grants.limits import zone_of
from recorders.grants.values import GrantValue, Scope, value_of
from recorders.grants.words import Places, grants_in_words
from recorders.models import Camera, Grant, HiddenCamera


def set_grants(group: Group, values: Collection[GrantValue], actor: Actor) -> None:
    """The grants of the group, replacing what was. Raises NotPossible."""
    require_editable(group)
    with _change(group):
        wanted = Counter(tidied(value) for value in values)
        present = list(group.grants.all())
        kept = wanted & Counter(value_of(grant) for grant in present)
        change(group, list(_surplus(present, kept)), list((wanted - kept).elements()), actor)


def add(group: Group, value: GrantValue, actor: Actor) -> Grant:
    """Raises NotPossible."""
    return change(group, [], [value], actor)[0]


def remove(grant: Grant, actor: Actor) -> None:
    change(grant.group, [grant], [], actor)


def replace_one(grant: Grant, value: GrantValue, actor: Actor) -> Grant:
    """The new row in its place, with its id. Raises NotPossible."""
    return change(grant.group, [grant], [value], actor, pk=grant.pk)[0]


def change_one(grant: Grant, changed: Callable[[Grant], GrantValue], actor: Actor) -> Grant:
    """As `replace_one`, by the row as it is by now: of two changes at once the later one keeps what
    the other changed. Raises NotPossible."""
    with _change(grant.group):
        present = grant.group.grants.filter(pk=grant.pk).first() or grant
        return replace_one(present, changed(present), actor)


def change(
    group: Group,
    removed: Collection[Grant],
    added: Collection[GrantValue],
    actor: Actor,
    pk: int | None = None,
) -> list[Grant]:
    """Some grants of the group go, others come; the new rows. `pk`: the id of the only one of each,
    which is not brought back once somebody took it away. Raises NotPossible."""
    if not removed and not added:
        return []
    require_editable(group)
    with _change(group):
        values = [tidied(value) for value in added]
        require_valid(group, values)
        gone = group.grants.filter(pk__in=[grant.pk for grant in removed])
        zone = zone_of(group.organisation.time_zone)
        before = grants_in_words(map(value_of, gone), zone)
        if not gone.delete()[0] and pk is not None:
            raise NotPossible("gone", "Somebody took this back meanwhile.")
        rows = Grant.objects.bulk_create(_row(group, value, actor, pk) for value in values)
        record(
            group.organisation,
            actor,
            "group.access_changed",
            group,
            before=before,
            after=grants_in_words(values, zone),
        )
        announce_change(people_of(group))
    return rows


def set_hidden(group: Group, cameras: Collection[Camera], actor: Actor) -> None:
    """The cameras that the group does not see, replacing what was. Raises NotPossible."""
    if group.is_administrators:
        raise NotPossible("built_in", f"{group} see every camera of the organisation.")
    organisation = group.organisation_id
    if any(camera.recorder.organisation_id != organisation for camera in cameras):
        raise NotPossible("not_found", "There is no such camera here.")
    with _change(group):
        before = {row.camera for row in group.hidden_cameras.select_related("camera__recorder")}
        after = set(cameras)
        if before == after:
            return
        group.hidden_cameras.exclude(camera__in=after).delete()
        HiddenCamera.objects.bulk_create(
            HiddenCamera(group=group, camera=camera, created_by=actor.user)
            for camera in after - before
        )
        record(
            group.organisation,
            actor,
            "group.hidden_cameras_changed",
            group,
            before=_names(before),
            after=_names(after),
        )
        announce_change(people_of(group))


def hide(group: Group, camera: Camera, actor: Actor) -> None:
    with _change(group):
        set_hidden(group, {*_hidden(group), camera}, actor)


def unhide(group: Group, camera: Camera, actor: Actor) -> None:
    with _change(group):
        set_hidden(group, _hidden(group) - {camera}, actor)


def people_of(group: Group) -> Iterable[User]:
    return User.objects.filter(memberships__groups=group)


@contextmanager
def _change(group: Group) -> Iterator[None]:
    """One change of a group at a time, undone as a whole when the rules refuse it."""
    with transaction.atomic():
        Group.objects.select_for_update().get(pk=group.pk)
        yield


def _surplus(present: Iterable[Grant], kept: Counter[GrantValue]) -> Iterator[Grant]:
    left = kept.copy()
    for grant in present:
        value = value_of(grant)
        if left[value]:
            left[value] -= 1
        else:
            yield grant


def _row(group: Group, value: GrantValue, actor: Actor, pk: int | None) -> Grant:
    limits, scope = value.limits, value.scope
    return Grant(
        pk=pk,
        group=group,
        location_id=scope.location_id,
        recorder_id=scope.recorder_id,
        camera_id=scope.camera_id,
        holds_from=limits.holds_from,
        holds_until=limits.holds_until,
        hours=[list(span) for span in limits.hours],
        clients=list(limits.clients),
        addresses=list(limits.addresses),
        footage_from=limits.footage_from,
        footage_to=limits.footage_to,
        is_judged=limits.is_judged,
        reason=value.reason,
        created_by=actor.user,
        **{f"may_{right}": right in value.rights for right in RIGHTS},
    )


def _hidden(group: Group) -> set[Camera]:
    rows = group.hidden_cameras.select_related("camera__recorder")
    return {row.camera for row in rows}


def _names(cameras: Collection[Camera]) -> list[str]:
    scopes = [Scope(camera_id=camera.pk) for camera in cameras]
    places = Places.of(scopes)
    return sorted(places.words(scope) for scope in scopes)
