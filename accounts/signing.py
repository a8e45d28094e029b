"""The portal's signing key: one Ed25519 key per installation, shared by its processes as a file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from protocol import private_file
from protocol.tokens import KeyRing, Signer


@cache
def portal_signer() -> Signer:
    """Signs access tokens and relay passes; the key is made on first use."""
    return Signer(_load_or_create(settings.CONTERA_SIGNING_KEY_FILE), "portal")


@cache
def portal_keys() -> KeyRing:
    """The public half: what recorders pin and relays check with."""
    return KeyRing({"keys": [portal_signer().jwk]})


def _load_or_create(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        _create(path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"{path}: the signing key is not an Ed25519 key")
    return key


def _create(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    private_file.create_once(path, pem)
