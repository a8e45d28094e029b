"""The key of a stand-alone relay node: it proves with it who it is where TLS cannot be had.

Without Django: a node has none.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from protocol import private_file
from protocol.sealed_http import NODE_HOST_ID
from protocol.tokens import Signer


def load_node_key(path: Path) -> Signer:
    """The key in `path`, made on first use; raises OSError, ValueError."""
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        private_file.create_once(path, pem)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} does not hold an Ed25519 key")  # noqa: TRY004  a file, not a type
    return Signer(key, NODE_HOST_ID)
