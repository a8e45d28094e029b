"""What a table of people would change (pure): the dry run, and what is then done.

Nobody is removed: who is not in the table stays as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from accounts.people_csv import Row

ACTIVE, DISABLED, INVITED = "active", "disabled", "invited"


class Kind(Enum):
    INVITE = "invite"
    CHANGE = "change"
    NOTHING = "nothing"
    REFUSED = "refused"


@dataclass(frozen=True)
class Known:
    """A person as they are now; groups by name."""

    name: str
    groups: frozenset[str]
    state: str


@dataclass(frozen=True)
class Step:
    """What happens with one line: `name`, `groups` and `state` are those afterwards, `words` what
    changes, or why nothing can."""

    line: int
    login: str
    kind: Kind
    name: str = ""
    groups: frozenset[str] = frozenset()
    state: str = ACTIVE
    words: tuple[str, ...] = ()


def plan(
    rows: Sequence[Row],
    people: Mapping[str, Known],
    groups: Collection[str],
    faults: Mapping[int, str],
) -> list[Step]:
    """One step for each row. `people` by login; `faults` are those found by others, by line."""
    by_name = {name.casefold(): name for name in groups}
    seen: set[str] = set()
    steps = []
    for row in rows:
        fault = faults.get(row.line) or _fault(row, by_name, seen, people)
        seen.add(row.login)
        if fault:
            steps.append(Step(row.line, row.login, Kind.REFUSED, row.name, words=(fault,)))
        else:
            steps.append(_step(row, people.get(row.login), by_name))
    return steps


def _fault(
    row: Row, groups: Mapping[str, str], seen: Collection[str], people: Mapping[str, Known]
) -> str:
    unknown = [name for name in row.groups or () if name.casefold() not in groups]
    known = people.get(row.login)
    states = (ACTIVE, DISABLED, INVITED)
    faults = {
        "The e-mail address or user name is missing.": not row.login,
        "This e-mail address or user name is in the table twice.": row.login in seen,
        f"There is no group called {', '.join(unknown)[:200]}.": bool(unknown),
        f"A state is {ACTIVE} or {DISABLED}, not {(row.state or '')[:40]}.": row.state is not None
        and row.state not in states,
        "The name is missing.": known is None and not row.name,
        "Somebody who is not here yet cannot be disabled.": known is None and row.state == DISABLED,
        "They have not taken up their invitation yet: remove them instead.": known is not None
        and known.state == INVITED
        and row.state == DISABLED,
    }
    return next((words for words, is_true in faults.items() if is_true), "")


def _step(row: Row, known: Known | None, by_name: Mapping[str, str]) -> Step:
    wanted = frozenset(by_name[name.casefold()] for name in row.groups or ())
    if known is None:
        into = ("Groups: " + _listed(wanted),)
        return Step(row.line, row.login, Kind.INVITE, row.name, wanted, INVITED, into)
    groups = known.groups if row.groups is None else wanted
    name, state = row.name or known.name, _state(row, known)
    words = tuple(_changes(known, Known(name, groups, state)))
    kind = Kind.CHANGE if words else Kind.NOTHING
    return Step(row.line, row.login, kind, name, groups, state, words)


def _state(row: Row, known: Known) -> str:
    is_settled = known.state == INVITED or row.state in (None, INVITED)
    return known.state if is_settled else str(row.state)


def _changes(before: Known, after: Known) -> list[str]:
    found = []
    if before.name != after.name:
        found.append(f"Name: {before.name} → {after.name}")
    if joined := after.groups - before.groups:
        found.append("Into: " + _listed(joined))
    if left := before.groups - after.groups:
        found.append("Out of: " + _listed(left))
    if before.state != after.state:
        found.append("Enabled" if after.state == ACTIVE else "Disabled")
    return found


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
