"""A sealed channel: what passes is read and changed by nobody between, and the host is who it says.

For connections without a TLS certificate that the client trusts: a recorder found at an address of
the local network, a relay behind a proxy that passes only plain HTTP. The client knows the host's
Ed25519 key beforehand (the portal names a recorder's, a recorder pins its portal's).

    client hello   "CTS1"  X25519 public key (32)
    host hello     "CTS1"  X25519 public key (32)  Ed25519 signature (64)

The signature is over `CONTEXT kind 0 host-id 0 client-hello host-key`. X25519 (RFC 7748) and
HKDF-SHA256 (RFC 5869; salt: SHA-256 of both hellos without the signature) give one key for each
direction. Then every message is a record: ChaCha20-Poly1305 (RFC 8439), the nonce is the count of
records in that direction, so that none can be lost, repeated, moved or handed back to its sender.
A fresh key on both sides means forward secrecy, and a proof that cannot be replayed or passed on:
who relays the hellos cannot read what follows. `static/js/sealing.js` is the same for browsers.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.errors import ProtocolError
from protocol.tokens import Signer, verify_raw

MAGIC = b"CTS1"
CONTEXT = b"contera sealed channel 1\0"
KEY_BYTES = 32
SIGNATURE_BYTES = 64
CLIENT_HELLO_BYTES = len(MAGIC) + KEY_BYTES
HOST_HELLO_BYTES = CLIENT_HELLO_BYTES + SIGNATURE_BYTES
OVERHEAD_BYTES = 16  # the tag of a record
_TO_HOST, _TO_CLIENT = b"contera to host", b"contera to client"
_CHILD = b"contera child "


class SealedChannel:
    """One end of an agreed channel. Records must be opened in the order they were sealed in."""

    def __init__(self, sending: bytes, receiving: bytes) -> None:
        self._keys = (sending, receiving)
        self._sending, self._receiving = ChaCha20Poly1305(sending), ChaCha20Poly1305(receiving)
        self._sent = self._received = 0

    def child(self, label: bytes) -> SealedChannel:
        """A channel of its own below this one, the same at both ends: for parts that run side by
        side. Each label is used once, because its counts begin at 0 again."""
        sending, receiving = (
            HKDF(SHA256(), KEY_BYTES, None, _CHILD + label).derive(key) for key in self._keys
        )
        return SealedChannel(sending, receiving)

    def seal(self, content: bytes) -> bytes:
        """The next record; OVERHEAD_BYTES longer than its content."""
        record = self._sending.encrypt(_nonce(self._sent), content, None)
        self._sent += 1
        return record

    def open(self, record: bytes) -> bytes:
        """The content of the next record; raises ProtocolError `bad_seal`."""
        try:
            content = self._receiving.decrypt(_nonce(self._received), record, None)
        except InvalidTag:
            raise ProtocolError("bad_seal", "a record was changed, lost or repeated") from None
        self._received += 1
        return content


class ClientHandshake:
    """The client's half: send `hello`, then `finish` with what the host answers."""

    def __init__(self, kind: str, host_id: str) -> None:
        self._key = X25519PrivateKey.generate()
        self._kind, self._host_id = kind, host_id
        self.hello = MAGIC + _public_bytes(self._key)

    def finish(self, host_hello: bytes, host_jwk: Mapping[str, Any]) -> SealedChannel:
        """The channel; raises ProtocolError `bad_hello`, or `not_this_host` when the answer was not
        signed by `host_jwk` for this hello."""
        if len(host_hello) != HOST_HELLO_BYTES or not host_hello.startswith(MAGIC):
            raise ProtocolError("bad_hello", "the host does not speak the sealed channel")
        unsigned, signature = host_hello[:-SIGNATURE_BYTES], host_hello[-SIGNATURE_BYTES:]
        host_key = unsigned[len(MAGIC) :]
        proof = _proof(self._kind, self._host_id, self.hello, host_key)
        try:
            verify_raw(host_jwk, signature, proof)
        except InvalidSignature:
            raise ProtocolError("not_this_host", "another host answered") from None
        to_host, to_client = _agree(self._key, host_key, self.hello + unsigned)
        return SealedChannel(sending=to_host, receiving=to_client)


def answer_hello(
    client_hello: bytes, signer: Signer, kind: str, host_id: str
) -> tuple[bytes, SealedChannel]:
    """The host's half: its hello and the channel; raises ProtocolError `bad_hello`."""
    if len(client_hello) != CLIENT_HELLO_BYTES or not client_hello.startswith(MAGIC):
        raise ProtocolError("bad_hello", "the first message is no hello of a sealed channel")
    key = X25519PrivateKey.generate()
    public = _public_bytes(key)
    unsigned = MAGIC + public
    client_key = client_hello[len(MAGIC) :]
    to_host, to_client = _agree(key, client_key, client_hello + unsigned)
    signature = signer.sign_raw(_proof(kind, host_id, client_hello, public))
    return unsigned + signature, SealedChannel(sending=to_client, receiving=to_host)


def _proof(kind: str, host_id: str, client_hello: bytes, host_key: bytes) -> bytes:
    return b"".join(
        (CONTEXT, kind.encode(), b"\0", host_id.encode(), b"\0", client_hello, host_key)
    )


def _agree(key: X25519PrivateKey, peer: bytes, transcript: bytes) -> tuple[bytes, bytes]:
    """Keys to the host and to the client."""
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:  # a point of small order
        raise ProtocolError("bad_hello", "the key in the hello is not usable") from None
    salt = hashlib.sha256(transcript).digest()
    to_host, to_client = (
        HKDF(SHA256(), KEY_BYTES, salt, info).derive(shared) for info in (_TO_HOST, _TO_CLIENT)
    )
    return to_host, to_client


def _public_bytes(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _nonce(count: int) -> bytes:
    return struct.pack("!IQ", 0, count)
