"""Writes the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.client_address import client_address
from accounts.models import AuditEntry, Organisation, User


@dataclass(frozen=True)
class Actor:
    """Who acts, and from which address; `user` is None for the portal itself or a recorder."""

    user: User | None
    name: str
    address: str | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Actor:
        user = request.user if isinstance(request.user, User) else None
        return cls(user, user.email if user else "anonymous", client_address(request))


PORTAL = Actor(None, "portal")


def record(
    organisation: Organisation, actor: Actor, action: str, target: object = "", **detail: Any
) -> None:
    """One line; `action` is `thing.verb` (`recorder.renamed`), `detail` holds JSON values."""
    AuditEntry.objects.create(
        organisation=organisation,
        actor=actor.user,
        actor_name=actor.name[:254],
        action=action,
        target=str(target)[:254],
        detail=detail,
        address=actor.address,
    )
