"""Grants without limits, one right at a time: what the matrix of a group shows and saves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from accounts.audit import Actor
from accounts.models import Group
from recorders.grants.checks import require_editable
from recorders.grants.service import change
from recorders.grants.values import GrantValue, Scope, value_of


@dataclass(frozen=True)
class Given:
    """A right on everything (also recorders added later), a location, a recorder, or one camera."""

    right: str
    recorder_id: UUID | None = None
    camera_id: UUID | None = None
    location_id: UUID | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.location_id, self.recorder_id, self.camera_id)


def grants_of(group: Group) -> set[Given]:
    return {
        Given(right, grant.recorder_id, grant.camera_id, grant.location_id)
        for grant in group.grants.unlimited()
        for right in grant.rights
    }


def set_grants(group: Group, grants: Collection[Given], actor: Actor) -> None:
    """The grants without limits, replacing what was; limited ones stay. Raises NotPossible."""
    require_editable(group)
    wanted: dict[Scope, set[str]] = {}
    for given in grants:
        wanted.setdefault(given.scope, set()).add(given.right)
    removed, kept = [], set()
    for grant in group.grants.unlimited():
        value = value_of(grant)
        if wanted.get(value.scope, set()) == set(value.rights) and value.scope not in kept:
            kept.add(value.scope)
        else:
            removed.append(grant)
    added = [
        GrantValue(scope, frozenset(rights))
        for scope, rights in wanted.items()
        if scope not in kept
    ]
    change(group, removed, added, actor)
