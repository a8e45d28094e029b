"""Seals of the audit trail: its newest line, signed by the portal, for an auditor to keep.

A database can be rewritten as a whole, hashes and head included. A seal that was kept elsewhere
shows it: the line it names must still be there, the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.audit import Actor, record
from accounts.audit_check import read_head
from accounts.models import Organisation
from accounts.signing import portal_keys, portal_signer
from protocol.times import format_time
from protocol.tokens import TokenError

KIND = "audit-seal"
MAX_BYTES = 4096
_FIELDS = ("organisation", "name", "number", "hash", "sealed_at")


class BadSeal(Exception):
    """A text that is no seal of this portal; the words say why."""


@dataclass(frozen=True)
class Seal:
    organisation_id: UUID
    number: int
    hash: str
    sealed_at: str


def make_seal(organisation: Organisation, now: datetime) -> dict[str, Any]:  # Any: JSON values
    """The seal of the newest line."""
    head = read_head(organisation)
    content = {
        "organisation": str(organisation.pk),
        "name": organisation.name,
        "number": head.number,
        "hash": head.hash,
        "sealed_at": format_time(now),
    }
    return {**content, "signature": portal_signer().sign_detached(KIND, _canonical(content))}


@transaction.atomic
def take_seal(organisation: Organisation, actor: Actor, now: datetime) -> dict[str, Any]:
    """A seal for somebody; that they took it is the line it names: the chain is locked between."""
    record(organisation, actor, "audit.sealed", organisation)
    return make_seal(organisation, now)


def seal_text(seal: dict[str, Any]) -> str:
    return json.dumps(seal, indent=2, ensure_ascii=False) + "\n"


def read_seal(text: str) -> Seal:
    """Raises BadSeal for anything but a seal that this portal signed."""
    if len(text) > MAX_BYTES:
        raise BadSeal(f"a seal has at most {MAX_BYTES} characters")
    try:
        body = json.loads(text)
        content = {name: body[name] for name in _FIELDS}
        signature = str(body["signature"])
        seal = Seal(
            UUID(content["organisation"]),
            int(content["number"]),
            str(content["hash"]),
            str(content["sealed_at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadSeal("this is no seal of an audit trail") from None
    try:
        portal_keys().verify_detached(signature, KIND, _canonical(content))
    except TokenError:
        raise BadSeal("the seal is not signed by this portal, or was changed") from None
    return seal


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
