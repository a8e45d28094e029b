"""Who this recorder is: its key, its id, its portal, and the portal's keys it believes.

Kept in `identity.json` (mode 600) beside the configuration. Whoever holds the file is the recorder.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import private_file
from protocol.errors import ProtocolError
from protocol.tokens import KeyRing, Signer

FILE_NAME = "identity.json"


class IdentityError(Exception):
    """The identity file cannot be used; the text is for people."""


@dataclass(frozen=True)
class Identity:
    """A registered recorder. `keys` are the portal's public keys, pinned at enrolment."""

    recorder_id: str
    name: str
    organisation: str
    portal_url: str
    key: Ed25519PrivateKey
    keys: KeyRing
    heartbeat_s: float
    http_url: str | None = None  # the portal's plain address, used sealed where TLS cannot be had

    def __repr__(self) -> str:
        return f"Identity(recorder_id={self.recorder_id!r}, portal_url={self.portal_url!r})"

    @property
    def signer(self) -> Signer:
        """Signs this recorder's own tokens towards its portal."""
        return Signer(self.key, self.recorder_id)

    def with_portal_facts(
        self, name: str, keys: KeyRing, heartbeat_s: float, http_url: str | None
    ) -> Identity:
        """The same recorder as its portal describes it now."""
        return replace(self, name=name, keys=keys, heartbeat_s=heartbeat_s, http_url=http_url)


def load_identity(folder: Path) -> Identity | None:
    """The identity kept in `folder`, None when the recorder was never registered.

    Raises IdentityError.
    """
    file = folder / FILE_NAME
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"{file}: cannot be read: {error.strerror}") from None
    try:
        return _parse(json.loads(data))
    except (ValueError, KeyError, TypeError, ProtocolError):
        # What it says is not repeated: it holds the private key.
        raise IdentityError(f"{file}: is damaged; register the recorder again") from None


def save_identity(folder: Path, identity: Identity) -> None:
    """Writes the identity whole or not at all; raises OSError."""
    body = {
        "recorder_id": identity.recorder_id,
        "name": identity.name,
        "organisation": identity.organisation,
        "portal_url": identity.portal_url,
        "private_key": base64.b64encode(identity.key.private_bytes_raw()).decode(),
        "jwks": identity.keys.jwks,
        "heartbeat_s": identity.heartbeat_s,
        "http_url": identity.http_url,
    }
    private_file.replace(folder / FILE_NAME, json.dumps(body, indent=2).encode() + b"\n")


def _parse(body: dict[str, Any]) -> Identity:  # Any: JSON
    key = base64.b64decode(body["private_key"], validate=True)
    return Identity(
        recorder_id=str(body["recorder_id"]),
        name=str(body["name"]),
        organisation=str(body["organisation"]),
        portal_url=str(body["portal_url"]),
        key=Ed25519PrivateKey.from_private_bytes(key),
        keys=KeyRing(body["jwks"]),
        heartbeat_s=float(body["heartbeat_s"]),
        http_url=body.get("http_url"),  # files of older versions have none
    )
