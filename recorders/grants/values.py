"""What a grant says, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from recorders.models import Grant

WEEK_MINUTES = 7 * 24 * 60


@dataclass(frozen=True)
class Scope:
    """Where: one of the ids, or none for everything of the organisation."""

    location_id: UUID | None = None
    recorder_id: UUID | None = None
    camera_id: UUID | None = None

    @property
    def is_everything(self) -> bool:
        return self == Scope()


@dataclass(frozen=True)
class Limits:
    """All that are set must hold; the default has none. Times are exact to the second."""

    holds_from: datetime | None = None
    holds_until: datetime | None = None
    # [start, end) in minutes of the week from Monday 00:00; an end ≤ start runs over Sunday.
    hours: tuple[tuple[int, int], ...] = ()
    clients: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()  # CIDR
    footage_from: datetime | None = None
    footage_to: datetime | None = None

    @property
    def is_none(self) -> bool:
        return self == Limits()

    @property
    def is_judged(self) -> bool:
        """Has limits that SQL does not know."""
        return bool(self.hours or self.clients or self.addresses)

    @property
    def has_footage(self) -> bool:
        return self.footage_from is not None or self.footage_to is not None


@dataclass(frozen=True)
class GrantValue:
    """A grant without its group; what people fill in."""

    scope: Scope
    rights: frozenset[str]
    limits: Limits = field(default_factory=Limits)
    reason: str = ""


def value_of(grant: Grant) -> GrantValue:
    scope = Scope(grant.location_id, grant.recorder_id, grant.camera_id)
    return GrantValue(scope, grant.rights, limits_of(grant), grant.reason)


def limits_of(grant: Grant) -> Limits:
    return replace(
        judged_limits(grant.hours, grant.clients, grant.addresses),
        holds_from=grant.holds_from,
        holds_until=grant.holds_until,
        footage_from=grant.footage_from,
        footage_to=grant.footage_to,
    )


def judged_limits(
    hours: Iterable[Sequence[int]], clients: Iterable[str], addresses: Iterable[str]
) -> Limits:
    """Of what a row keeps as JSON."""
    spans = tuple((start, end) for start, end in hours)
    return Limits(hours=spans, clients=tuple(clients), addresses=tuple(addresses))
