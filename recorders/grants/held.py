"""Grants that hold for a person now, as values: few enough to decide with in Python, so that the
database is asked about ids instead of about grants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import F, Q

from accounts.circumstances import Circumstances
from accounts.models import Group
from protocol.tokens import RIGHTS
from recorders.grants.limits import judge, zone_of
from recorders.grants.values import Scope, judged_limits

if TYPE_CHECKING:
    from recorders.querysets import GrantQuerySet

# Without limits but dates.
_PLAIN = Q(footage_from=None, footage_to=None, is_judged=False)
_LIMITS = ("pk", "group", "hours", "clients", "addresses", "footage_from", "footage_to")
_SCOPE = ("location", "recorder", "camera")
_RIGHTS = tuple(f"may_{right}" for right in RIGHTS)


@dataclass(frozen=True)
class Span:
    """Which footage a grant reaches; None: without end on that side."""

    start: datetime | None = None
    end: datetime | None = None

    def covers(self, other: Span) -> bool:
        begins = self.start is None or (other.start is not None and self.start <= other.start)
        return begins and (self.end is None or (other.end is not None and self.end >= other.end))


WHOLE = Span()


@dataclass(frozen=True)
class HeldGrant:
    pk: int
    organisation_id: UUID  # of its group, and of what its scope names
    scope: Scope
    rights: frozenset[str]
    footage: Span


@dataclass(frozen=True)
class HeldGrants:
    """Grants of single cameras without a limit of footage or one that is judged may be thousands:
    they stay a question to the database, for each organisation whose groups have some. They count
    for cameras of that organisation alone."""

    values: Sequence[HeldGrant]
    single_cameras: Mapping[UUID, GrantQuerySet]


def read_held(
    grants: GrantQuerySet, groups: Collection[Group], how: Circumstances, now: datetime
) -> HeldGrants:
    """Of these groups; `values` have a scope that belongs to the organisation of their group."""
    if not groups:
        return HeldGrants((), {})
    own = F("group__organisation")
    dated = grants.dated(now).filter(group__in=[group.pk for group in groups])
    others = dated.filter(Q(camera=None) | ~_PLAIN).filter(
        Q(location=None, recorder=None, camera=None)
        | Q(location__organisation=own)
        | Q(recorder__organisation=own)
        | Q(camera__recorder__organisation=own)
    )
    single = dated.filter(_PLAIN).exclude(camera=None)
    return HeldGrants(tuple(_values(others, groups, how, now)), _by_organisation(single, groups))


def _by_organisation(
    grants: GrantQuerySet, groups: Iterable[Group]
) -> Mapping[UUID, GrantQuerySet]:
    having = set(grants.order_by().values_list("group", flat=True).distinct())
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for group in groups:
        if group.pk in having:
            found[group.organisation_id].append(group.pk)
    return {organisation: grants.filter(group__in=ids) for organisation, ids in found.items()}


def _values(
    grants: GrantQuerySet, groups: Iterable[Group], how: Circumstances, now: datetime
) -> Iterator[HeldGrant]:
    """Many grants of a group have the same limits: each is judged once."""
    known = {group.pk: group for group in groups}
    verdicts: dict[str, bool] = {}
    for row in grants.values_list(*_LIMITS, *_SCOPE, *_RIGHTS):
        pk, group_id, hours, clients, addresses, start, end, *rest = row
        location, recorder, camera, *given = rest
        group, key = known[group_id], repr((group_id, hours, clients, addresses))
        if key not in verdicts:
            limits, zone = judged_limits(hours, clients, addresses), group.organisation.time_zone
            verdicts[key] = judge(limits, how, now, zone_of(zone)).holds
        if verdicts[key]:
            rights = frozenset(right for right, may in zip(RIGHTS, given, strict=True) if may)
            scope = Scope(location, recorder, camera)
            yield HeldGrant(pk, group.organisation_id, scope, rights, Span(start, end))


def with_any(held: Iterable[HeldGrant], rights: frozenset[str]) -> list[HeldGrant]:
    """Those that give one of the rights at least."""
    return [grant for grant in held if grant.rights & rights]
