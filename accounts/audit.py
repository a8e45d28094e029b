"""Writes the audit trail.

A line locks the chain of its organisation until the transaction ends. So write it last, after all
other changes; and an action that writes to several organisations uses `record_in_each`, or calls
`lock_trails` first: then two such actions never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit_chain import line_hash, plain, plain_address, plain_text
from accounts.client_address import client_address
from accounts.models import AuditEntry, AuditHead, Organisation, User
from accounts.organisations.outsiders import name_in_trail

MAX_NAME = 254  # characters of an actor's or target's name


@dataclass(frozen=True)
class Actor:
    """Who acts, and from which address; `user` is None for the portal itself or a recorder."""

    user: User | None
    name: str
    address: str | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Actor:
        user = request.user if isinstance(request.user, User) else None
        return cls(user, user.login if user else "anonymous", client_address(request))


PORTAL = Actor(None, "portal")


@dataclass(frozen=True)
class Line:
    """What a line says; `once`, when given, is a text that no second line of the trail has."""

    actor: Actor
    action: str
    target: object = ""
    detail: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    once: str | None = None


def record(
    organisation: Organisation, actor: Actor, action: str, target: object = "", **detail: Any
) -> None:
    """One line; `action` is `thing.verb` (`recorder.renamed`), `detail` holds JSON values."""
    record_lines(organisation, [Line(actor, action, target, detail)])


def record_in_each(
    organisations: Iterable[Organisation],
    actor: Actor,
    action: str,
    target: object = "",
    **detail: Any,  # JSON values
) -> None:
    """The same line in the trail of each organisation."""
    with transaction.atomic():
        for organisation in sorted(organisations, key=lambda one: one.pk):
            record(organisation, actor, action, target, **detail)


def record_lines(organisation: Organisation, lines: Sequence[Line]) -> int:
    """Several lines at once; gives how many were written: not those that are there already by
    their `once`."""
    with transaction.atomic(savepoint=False):
        head = _locked_head(organisation)
        entries = [
            _next_entry(head, line, name_in_trail(organisation, line.actor.user, line.actor.name))
            for line in _not_yet(lines)
        ]
        AuditEntry.objects.bulk_create(entries)
        head.save(update_fields=["number", "hash"])
    return len(entries)


def lock_trails(organisations: Iterable[Organisation]) -> None:
    """Before an action that writes different lines to several organisations, inside its
    transaction."""
    for organisation in sorted(organisations, key=lambda one: one.pk):
        _locked_head(organisation)


def _locked_head(organisation: Organisation) -> AuditHead:
    """Lines of an organisation are written one after another."""
    locked = AuditHead.objects.select_for_update().filter(organisation=organisation)
    head = locked.first()
    if head is None:
        AuditHead.objects.get_or_create(organisation=organisation)
        head = locked.get()
    return head


def _not_yet(lines: Sequence[Line]) -> list[Line]:
    once = {line.once for line in lines if line.once is not None}
    there = AuditEntry.objects.filter(once__in=once).values_list("once", flat=True)
    seen = set(there) if once else set()
    fresh = []
    for line in lines:
        if line.once is None or line.once not in seen:
            fresh.append(line)
            seen.add(line.once)
    return fresh


def _next_entry(head: AuditHead, line: Line, actor_name: str) -> AuditEntry:
    """The line after `head`, which moves on to it."""
    facts = {
        "actor_name": plain_text(actor_name)[:MAX_NAME],
        "action": line.action,
        "target": plain_text(line.target)[:MAX_NAME],
        "detail": plain(dict(line.detail)),
        "address": plain_address(line.actor.address),
    }
    actor_id = None if line.actor.user is None else line.actor.user.pk
    entry = AuditEntry(
        organisation_id=head.organisation_id,
        number=head.number + 1,
        at=timezone.now(),
        actor_id=actor_id,
        previous=head.hash,
        once=line.once,
        **facts,
    )
    entry.hash = line_hash(head.hash, head.organisation_id, entry.number, entry.at, actor_id, facts)
    head.number, head.hash = entry.number, entry.hash
    return entry
