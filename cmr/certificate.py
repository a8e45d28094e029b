"""The certificate of the recorder's https doors: the owner's, or one it made for itself.

The recorder's own is self-signed (`certificate.pem`, key included, mode 600): browsers warn once
and remember it. It is renewed in time, with a new key. Files are read again when they change.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cmr.config import ConfigError, WebConfig
from protocol import private_file

FILE_NAME = "certificate.pem"
LIFETIME = dt.timedelta(days=825)  # what browsers and phones accept at most
RENEW_BEFORE = dt.timedelta(days=30)
BACKDATED = dt.timedelta(days=1)  # a viewer's clock may be behind
CHECK_S = 60.0

log = logging.getLogger(__name__)


class Certificate:
    """The certificate in use. `context` stays the same object: new connections get what is new.

    `now` is the clock in UTC. Raises ConfigError that names the file and the fact.
    """

    def __init__(
        self, web: WebConfig, folder: Path, names: Iterable[str], now: Callable[[], dt.datetime]
    ) -> None:
        self._own = folder / FILE_NAME
        self._files = (web.certificate or self._own, web.key or self._own)
        self._is_ours = web.certificate is None
        self._names = sorted(set(names))
        self._now = now
        self._renew_own()
        self._seen = self._state()
        self.context = tls_context(*self._files)

    async def watch(self) -> None:
        """Keeps it fresh until cancelled."""
        while True:
            await asyncio.sleep(CHECK_S)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Renews our own in time, and loads files that have changed. What cannot be used is logged;
        the certificate before it stays."""
        try:
            self._renew_own()
            state = self._state()
            if state == self._seen:
                return
            self._seen = state
            tls_context(*self._files)  # tried on another context: half a change must harm nobody
            self.context.load_cert_chain(*self._files, password=_no_password)
            log.info("certificate: %s was read again", self._files[0])
        except (ConfigError, ssl.SSLError) as error:
            log.warning("certificate: %s; the one before it stays in use", error)

    @property
    def expires_at(self) -> dt.datetime | None:
        """The end of what is in the file now; None when that cannot be read."""
        try:
            return _first(self._files[0].read_bytes()).not_valid_after_utc
        except (OSError, ValueError):
            return None

    def _renew_own(self) -> None:
        if not self._is_ours:
            return
        expires_at = self.expires_at
        if expires_at is not None and expires_at - self._now() > RENEW_BEFORE:
            return
        try:
            private_file.replace(self._own, self_signed(self._names, self._now()))
        except OSError as error:
            raise ConfigError(f"{self._own}: cannot be written: {error.strerror}") from None
        log.info("certificate: %s was made", self._own)

    def _state(self) -> list[tuple[int, int] | None]:
        return [_file_state(file) for file in self._files]


def self_signed(names: Iterable[str], now: dt.datetime) -> bytes:
    """Key and certificate as PEM, for names and addresses (ECDSA P-256, RFC 5280)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Contera recorder")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def machine_names(addresses: Iterable[str]) -> list[str]:
    """What this machine is called and where it is: for the certificate of its own."""
    host = socket.gethostname()
    names = [host] if host.isascii() and len(host) <= 63 and host else []
    return [*names, "localhost", "127.0.0.1", "::1", *addresses]


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """For a server with this certificate; raises ConfigError that names the file and the fact."""
    for file in (certificate, key):
        try:
            file.read_bytes()
        except OSError as error:
            raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        raise ConfigError(_why_unusable(certificate, key, error)) from None
    return context


def _no_password() -> str:
    """OpenSSL would ask for one at the terminal, and wait for ever."""
    return ""


def _why_unusable(certificate: Path, key: Path, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{key}: is not the key of {certificate}"
    try:
        _first(certificate.read_bytes())
    except (OSError, ValueError):
        return f"{certificate}: has no certificate in PEM"
    if b"ENCRYPTED" in key.read_bytes():
        return f"{key}: has a password; give the recorder a key without one"
    if b"PRIVATE KEY" not in key.read_bytes():
        return f"{key}: has no private key in PEM"
    return f"{certificate}: cannot be used: {error.reason or 'it is damaged'}"


def _first(data: bytes) -> x509.Certificate:
    """The first certificate in PEM data; raises ValueError."""
    start = data.find(b"-----BEGIN CERTIFICATE-----")
    if start < 0:
        raise ValueError("no certificate")
    return x509.load_pem_x509_certificate(data[start:])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _file_state(file: Path) -> tuple[int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ino
