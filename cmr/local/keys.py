"""The recorder's local key: it signs the tokens of its own page, and browser sessions.

Made on first run, kept in `local.json` (mode 600). It is nobody's but this recorder's: no portal
and no relay believes it.
"""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import private_file
from protocol.tokens import (
    ACCESS_LIFETIME_S,
    AccessToken,
    KeyRing,
    Signer,
    TokenError,
    sign_access_token,
    unverified_issuer,
)

FILE_NAME = "local.json"


@dataclass(frozen=True)
class LocalKey:
    """`host_id` is this recorder's name towards its local viewers; also the tokens' audience."""

    host_id: str
    key: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"LocalKey(host_id={self.host_id!r})"

    @property
    def signer(self) -> Signer:
        return Signer(self.key, self.host_id)

    @property
    def checks(self) -> tuple[KeyRing, str]:
        """What local tokens are checked with: the key, and the name they must be for."""
        return KeyRing({"keys": [self.signer.jwk]}), self.host_id

    def signed(self, token: str) -> bool:
        """Whether a token says that it is ours; `checks` tells whether that is true."""
        try:
            return unverified_issuer(token) == self.host_id
        except TokenError:
            return False

    def sign(self, access: AccessToken, now: int, life_s: int = ACCESS_LIFETIME_S) -> str:
        """A token for this recorder's own doors; `now` is this machine's clock."""
        return sign_access_token(self.signer, access, now, life_s)


def load_local_key(folder: Path) -> LocalKey:
    """The key kept in `folder`, made there when it is missing or damaged; raises OSError.

    A damaged one guards nothing that lasts: a new one ends local sessions, no more.
    """
    file = folder / FILE_NAME
    found = _read(file)
    if found is None:
        private_file.replace(file, _new())
        found = _read(file)
    if found is None:
        raise OSError(f"{file}: cannot be read")
    return found


def _new() -> bytes:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return json.dumps({"host_id": str(uuid.uuid4()), "private_key": key}).encode() + b"\n"


def _read(file: Path) -> LocalKey | None:
    try:
        body = json.loads(file.read_bytes())
        key = base64.b64decode(body["private_key"], validate=True)
        return LocalKey(str(body["host_id"]), Ed25519PrivateKey.from_private_bytes(key))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
