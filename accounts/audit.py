"""Writes the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit_chain import line_hash
from accounts.client_address import client_address
from accounts.models import AuditEntry, AuditHead, Organisation, User


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


def record(
    organisation: Organisation, actor: Actor, action: str, target: object = "", **detail: Any
) -> None:
    """One line; `action` is `thing.verb` (`recorder.renamed`), `detail` holds JSON values."""
    facts = {
        "actor_name": actor.name[:254],
        "action": action,
        "target": str(target)[:254],
        "detail": detail,
        "address": actor.address,
    }
    actor_id = None if actor.user is None else actor.user.pk
    with transaction.atomic():
        head = _locked_head(organisation)
        number, at = head.number + 1, timezone.now()
        digest = line_hash(head.hash, organisation.pk, number, at, actor_id, facts)
        AuditEntry.objects.create(
            organisation=organisation,
            number=number,
            at=at,
            actor_id=actor_id,
            previous=head.hash,
            hash=digest,
            **facts,
        )
        head.number, head.hash = number, digest
        head.save(update_fields=["number", "hash"])


def _locked_head(organisation: Organisation) -> AuditHead:
    """Lines of an organisation are written one after another."""
    AuditHead.objects.get_or_create(organisation=organisation)
    return AuditHead.objects.select_for_update().get(organisation=organisation)
