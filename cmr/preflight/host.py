"""Whether a host can be reached: its name, its port, its certificate, directly or by the proxy."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass

import aiohttp

from cmr.connector import Outgoing, UntrustedCertificate
from cmr.dialling import dial, failure_words
from cmr.portal import connection_words
from cmr.preflight.check import Verdict
from cmr.proxy import ProxyError
from protocol.loopback import is_loopback

CONNECT_S = 6.0
SHOWN_ADDRESSES = 3


@dataclass(frozen=True)
class Target:
    """A host and port that the whitelist names; `protocol` is tcp or udp."""

    host: str
    port: int
    protocol: str
    purpose: str
    is_required: bool
    is_tls: bool

    @property
    def label(self) -> str:
        return f"{self.host} {self.protocol.upper()} {self.port}"


async def look_up(host: str) -> Verdict:
    """DNS, as this machine sees it."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return Verdict.failed(
            f"{host}: {failure_words(error)}",
            f"The recorder's DNS server has to resolve {host}. A filter may hide the name.",
        )
    addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
    shown = ", ".join(addresses[:SHOWN_ADDRESSES])
    return Verdict.passed(f"{host} is {shown}{' …' if len(addresses) > SHOWN_ADDRESSES else ''}")


async def connect(target: Target, outgoing: Outgoing) -> Verdict:
    """TCP, and TLS with a trusted certificate where the port has it."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(CONNECT_S):
            sock = await _socket(target, outgoing)
    except ProxyError as error:
        return Verdict.failed(str(error), _proxy_advice(target, error.code))
    except OSError as error:
        return Verdict.failed(
            f"{target.label}: {failure_words(error)}",
            f"Allow outgoing {target.protocol.upper()} to {target.host} port {target.port}.",
        )
    sock.close()
    if target.is_tls:
        return await _certificate(target, outgoing)
    return Verdict.passed(f"connected in {_milliseconds(started)} ms")


async def _socket(target: Target, outgoing: Outgoing) -> socket.socket:
    if outgoing.proxy is not None and not is_loopback(target.host):
        return await outgoing.proxy.tunnel(target.host, target.port)
    return await dial(target.host, target.port)


async def _certificate(target: Target, outgoing: Outgoing) -> Verdict:
    """A whole request, so that it is the recorder's own way of connecting that is tested."""
    started = time.monotonic()
    url = f"https://{target.host}:{target.port}/"
    timeout = aiohttp.ClientTimeout(total=CONNECT_S)
    try:
        async with (
            outgoing.session(timeout) as session,
            session.head(url, allow_redirects=False) as answer,
        ):
            status = answer.status
    except UntrustedCertificate as error:
        return Verdict.failed(str(error), _certificate_advice(target, error))
    except ProxyError as error:
        return Verdict.failed(str(error), _proxy_advice(target, error.code))
    except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
        return Verdict.failed(
            f"no protected connection: {_words(error)}"[:300],
            f"Allow TLS to {target.host} port {target.port} without inspection.",
        )
    return Verdict.passed(f"certificate trusted, answered {status} in {_milliseconds(started)} ms")


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return connection_words(error)
    return "no answer" if isinstance(error, TimeoutError) else str(error)


def _certificate_advice(target: Target, error: UntrustedCertificate) -> str:
    match getattr(error.certificate_error, "verify_code", None):
        case 9 | 10:  # X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED
            return f"Check this machine's clock; else {target.host} needs a new certificate."
        case _:
            return (
                f"Something may read the encrypted traffic to {target.host}: exempt this host from "
                "TLS inspection. When its certificate is of an authority of your own, name that "
                "authority's file in this machine's SSL_CERT_FILE."
            )


def _proxy_advice(target: Target, code: str) -> str:
    match code:
        case "proxy_auth_failed":
            return "Correct scheme, user and password of [proxy] in cmr.toml."
        case "proxy_unreachable":
            return "Check url of [proxy] in cmr.toml, and that the proxy runs."
        case "proxy_cannot_reach":
            return f"The proxy itself needs a way to {target.host} port {target.port}."
        case _:
            return f"The proxy has to allow CONNECT to {target.host}:{target.port}."


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
