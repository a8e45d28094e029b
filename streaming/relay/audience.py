"""Who is served here: counted by customer, found by person and recorder."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from protocol.tokens import AccessToken
from streaming.relay import refusals
from streaming.relay.limits import MAX_CUSTOMER_SESSIONS


class Served(Protocol):
    """Whatever serves a viewer with an access token."""

    def access_changed(self, at: float) -> None:
        """The rights of the token's person at its recorder changed at `at` (Unix seconds)."""


class Audience:
    """Bounded by who admits: each viewer is one that the hub keeps."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._admitted: dict[Served, AccessToken] = {}
        self._customers: Counter[str] = Counter()  # viewers by organisation
        self._people: dict[tuple[str, str], dict[Served, None]] = {}  # by person and recorder

    def __len__(self) -> int:
        return len(self._admitted)

    def admit(self, served: Served, access: AccessToken) -> None:
        """One more viewer, until `see_off`; raises Refusal 503 for one too many of a customer, so
        that no customer takes the room of all others (R14)."""
        if self._customers[access.organisation_id] >= MAX_CUSTOMER_SESSIONS:
            self._counters["customer_full"] += 1
            raise refusals.too_busy("viewers of this organisation")
        self._customers[access.organisation_id] += 1
        self._admitted[served] = access
        self._people.setdefault(_whose(access), {})[served] = None

    def see_off(self, served: Served) -> None:
        """The viewer is gone, if it was admitted."""
        access = self._admitted.pop(served, None)
        if access is None:
            return
        self._customers[access.organisation_id] -= 1
        if not self._customers[access.organisation_id]:
            del self._customers[access.organisation_id]
        theirs = self._people[_whose(access)]
        del theirs[served]
        if not theirs:
            del self._people[_whose(access)]

    def tell(self, change: AccessToken) -> None:
        """The rights of this token's person at its recorder changed when it was issued (A6)."""
        for served in list(self._people.get(_whose(change), ())):
            served.access_changed(change.issued_at)


def _whose(access: AccessToken) -> tuple[str, str]:
    return access.user_id, access.recorder_id
