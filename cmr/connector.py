"""How this recorder's requests leave the machine: TLS, through the proxy, or sealed.

Every request to portal and relay goes through one of these connectors. Plain HTTP is spoken with
this very machine alone; a plain address elsewhere is used sealed, or not at all.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from cryptography import x509
from cryptography.x509.oid import NameOID

from cmr import __version__
from cmr.carrier import Outer
from cmr.dialling import DIAL_S, dial
from cmr.proxy import Proxy
from cmr.sealed_http import HostTrust, SealedError, Tunnels
from protocol.loopback import is_loopback

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

MODEL = "ConteraCMR"
USER_AGENT = f"{MODEL}/{__version__}"

HANDSHAKE_S = 10.0
ISSUER_S = 5.0  # who signed a certificate that was refused; the refusal does not wait longer

# What OpenSSL calls an answer that is no TLS at all.
NO_TLS = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNKNOWN_PROTOCOL",
        "RECORD_LAYER_FAILURE",
        "PACKET_LENGTH_TOO_LONG",
        "UNEXPECTED_EOF_WHILE_READING",
    }
)


def is_sealed(url: str) -> bool:
    """True for an address whose requests travel sealed."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


class UntrustedCertificate(aiohttp.ClientConnectorCertificateError):
    """A certificate that is not believed, with its issuer: a firm's filter signs with its own."""

    code = "portal_untrusted"

    def __init__(self, error: aiohttp.ClientConnectorCertificateError, issuer: str | None) -> None:
        key: Any = error._conn_key  # aiohttp gives it no public name
        super().__init__(key, error.certificate_error)
        self.issuer = issuer

    def __str__(self) -> str:
        reason = getattr(self.certificate_error, "verify_message", "") or "not trusted"
        by = f"; it was issued by {self.issuer}" if self.issuer else ""
        return f"the certificate of {self.host} is refused: {reason}{by}"


class Outgoing:
    """What all of a recorder's sessions share: the proxy, the tunnels, and who is believed.

    `trust` gives who must be at an origin (`http://relay.example`); None: nobody is known there.
    """

    def __init__(
        self,
        proxy: Proxy | None = None,
        trust: Callable[[str], HostTrust | None] = lambda _: None,
    ) -> None:
        self.proxy = proxy
        self.outer = Outer(proxy, USER_AGENT)
        self.tunnels = Tunnels(self.outer)
        self.trust = trust

    def session(self, timeout: aiohttp.ClientTimeout, **connector: Any) -> aiohttp.ClientSession:
        """A session of ours; `connector` as aiohttp.TCPConnector has it (Any: its options)."""
        return aiohttp.ClientSession(
            connector=Connector(self, **connector),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=timeout,
        )

    def report(self) -> dict[str, str | None]:
        """The proxy as the heartbeat has it."""
        return self.proxy.report() if self.proxy else {"scheme": "none", "via": None}

    @property
    def words(self) -> str:
        """The proxy as `status` has it."""
        return self.proxy.words if self.proxy else "none"


class Connector(aiohttp.TCPConnector):
    """aiohttp's connector, but for how a connection is made.

    `_create_connection` is what each of aiohttp's own connectors overrides; a test holds it.
    """

    def __init__(self, outgoing: Outgoing, **options: Any) -> None:  # Any: aiohttp's options
        super().__init__(**options)
        self._outgoing = outgoing

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109
    ) -> ResponseHandler:
        host = req.url.raw_host or ""
        if not req.is_ssl() and not is_loopback(host):
            return await self._sealed(req)
        try:
            if self._outgoing.proxy is None or is_loopback(host):
                return await super()._create_connection(req, traces, timeout)
            return await self._through(self._outgoing.proxy, req, host)
        except aiohttp.ClientConnectorCertificateError as error:
            raise UntrustedCertificate(error, await self._issuer(req, host)) from None

    async def _sealed(self, req: ClientRequest) -> ResponseHandler:
        origin = str(req.url.origin())
        trust = self._outgoing.trust(origin)
        if trust is None:
            sentence = f"{origin} is not used: nobody's key is known for it, and plain HTTP is read"
            raise SealedError("not_protected", sentence)
        protocol = self._factory()
        await self._outgoing.tunnels.connect(origin, trust, protocol)
        return protocol

    async def _through(self, proxy: Proxy, req: ClientRequest, host: str) -> ResponseHandler:
        port = req.port or 443
        sock = await proxy.tunnel(host, port)
        try:
            _, protocol = await self._loop.create_connection(
                self._factory,
                sock=sock,
                ssl=self._get_ssl_context(req),
                server_hostname=host,
                ssl_handshake_timeout=HANDSHAKE_S,
            )
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from None
        except (OSError, EOFError) as error:
            sock.close()
            raise self._no_tls(proxy, req, f"{host}:{port}", error) from None
        return protocol

    def _no_tls(
        self, proxy: Proxy, req: ClientRequest, target: str, error: Exception
    ) -> aiohttp.ClientError:
        if not isinstance(error, ssl.SSLError) or error.reason in NO_TLS:
            return proxy.not_a_tunnel(target)
        return aiohttp.ClientConnectorSSLError(req.connection_key, error)

    async def _issuer(self, req: ClientRequest, host: str) -> str | None:
        """Who signed the certificate that was refused. Nothing is sent but a TLS hello."""
        try:
            async with asyncio.timeout(ISSUER_S):
                sock = await self._socket(host, req.port or 443)
                return await _issuer_at(sock, host)
        except (aiohttp.ClientError, OSError, ValueError):
            return None

    async def _socket(self, host: str, port: int) -> socket.socket:
        proxy = self._outgoing.proxy
        if proxy is not None and not is_loopback(host):
            return await proxy.tunnel(host, port)
        async with asyncio.timeout(DIAL_S):
            return await dial(host, port)


async def _issuer_at(sock: socket.socket, host: str) -> str | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing will be said
    try:
        _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host)
    except BaseException:
        sock.close()
        raise
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return issuer_words(der) if der else None
    finally:
        writer.transport.abort()


def issuer_words(der: bytes) -> str | None:
    """Organisation and name of who signed a certificate, printable; None when it names nobody."""
    issuer = x509.load_der_x509_certificate(der).issuer
    names = [
        str(part.value)
        for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        for part in issuer.get_attributes_for_oid(oid)
    ]
    text = ", ".join(dict.fromkeys(names))
    return "".join(c for c in text if c.isprintable())[:100] or None
