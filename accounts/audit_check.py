"""Is the audit trail whole? Checks the chain, its numbers, its head, and seals kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from accounts.audit_chain import line_hash
from accounts.models import AuditEntry, AuditHead, Organisation

PRUNED = "audit.pruned"  # the line in which retention says what it took away
_FACTS = ("actor_name", "action", "target", "detail", "address")
_READ_AT_ONCE = 2_000
_TRIES = 3  # when retention takes lines away while we read


@dataclass(frozen=True)
class Fault:
    """The first line that is not as it was written."""

    number: int
    words: str

    def __str__(self) -> str:
        return f"line {self.number} {self.words}"


@dataclass(frozen=True)
class Verdict:
    """`fault` is None when lines `first` to `last` are as they were written."""

    first: int
    last: int
    fault: Fault | None = None


@dataclass(frozen=True)
class Head:
    """What the head of a chain says; `sealed`: hashes that somebody kept elsewhere, by number."""

    organisation_id: UUID
    number: int
    hash: str
    kept_from: int = 1
    kept_after: str = ""
    sealed: Mapping[int, str] | None = None


@dataclass(frozen=True)
class ChainLine:
    number: int
    at: datetime
    actor_id: UUID | None
    previous: str
    hash: str
    facts: Mapping[str, Any]  # Any: JSON values


def find_fault(head: Head, lines: Iterable[ChainLine]) -> Fault | None:
    """The first fault of a chain whose lines come in the order of their numbers (pure)."""
    sealed = dict(head.sealed or {})
    expected, previous = head.kept_from, head.kept_after
    if sealed.get(expected - 1, previous) != previous:
        return Fault(expected - 1, "is not the line that was sealed")
    is_told = head.kept_from == 1
    for line in lines:
        fault = _fault_of(head, line, expected, previous)
        if fault is None and sealed.get(line.number, line.hash) != line.hash:
            fault = Fault(line.number, "is not the line that was sealed")
        if fault is not None:
            return fault
        is_told = is_told or _tells(line, head)
        expected, previous = expected + 1, line.hash
    return _fault_at_end(head, expected, previous, is_told)


def _fault_of(head: Head, line: ChainLine, expected: int, previous: str) -> Fault | None:
    if line.number > expected:
        return Fault(expected, "is missing")
    if line.number < expected:
        return Fault(line.number, "is there twice")
    if line.previous != previous:
        return Fault(line.number, "does not follow the line before it")
    digest = line_hash(
        previous, head.organisation_id, line.number, line.at, line.actor_id, line.facts
    )
    return None if digest == line.hash else Fault(line.number, "was changed")


def _fault_at_end(head: Head, expected: int, previous: str, is_told: bool) -> Fault | None:
    last = expected - 1
    if last < head.number:
        return Fault(expected, "and what follows it are missing at the end")
    if previous != head.hash:
        return Fault(last, "is not the newest line that the head names")
    if not is_told:
        return Fault(head.kept_from, "is not where retention says the trail begins")
    beyond = max(head.sealed or {}, default=0)
    return Fault(beyond, "was sealed and is gone") if beyond > head.number else None


def _tells(line: ChainLine, head: Head) -> bool:
    """Whether it is retention's own word for where this trail begins now."""
    told = line.facts["detail"]
    begins = (told.get("kept_from"), told.get("kept_after"))
    return line.facts["action"] == PRUNED and begins == (head.kept_from, head.kept_after)


def check_trail(organisation: Organisation, sealed: Mapping[int, str] | None = None) -> Verdict:
    """Reads the whole trail of an organisation, in bounded memory."""
    for _ in range(_TRIES):
        head = read_head(organisation, sealed)
        fault = find_fault(head, _lines(organisation, head)) or _beyond(organisation)
        if read_head(organisation).kept_from == head.kept_from:
            break
    return Verdict(head.kept_from, head.number, fault)


def read_head(organisation: Organisation, sealed: Mapping[int, str] | None = None) -> Head:
    row = AuditHead.objects.filter(organisation=organisation).first() or AuditHead()
    return Head(organisation.pk, row.number, row.hash, row.kept_from, row.kept_after, sealed=sealed)


def _lines(organisation: Organisation, head: Head) -> Iterator[ChainLine]:
    """Up to the newest when the head was read; others are being written meanwhile."""
    rows = AuditEntry.objects.filter(
        organisation=organisation, number__gte=head.kept_from, number__lte=head.number
    )
    for row in rows.order_by("number").iterator(_READ_AT_ONCE):
        facts = {name: getattr(row, name) for name in _FACTS}
        yield ChainLine(row.number, row.at, row.actor_id, row.previous, row.hash, facts)


def _beyond(organisation: Organisation) -> Fault | None:
    """A line that the head does not know of."""
    rows = AuditEntry.objects.filter(organisation=organisation)
    beyond = rows.filter(number__gt=F("organisation__audit_head__number")).order_by("number")
    found = beyond.values_list("number", flat=True).first()
    return None if found is None else Fault(found, "was added behind the head")
