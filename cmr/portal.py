"""Requests to the portal: signed, bounded, with a deadline, and errors a person can act on."""

from __future__ import annotations

import json
import os
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from cmr.carrier import OuterError
from cmr.connector import NO_TLS, Outgoing, UntrustedCertificate
from cmr.proxy import ProxyError
from protocol.loopback import is_loopback

REQUEST_TIMEOUT_S = 10  # a portal that needs longer is as good as away; the next try comes soon
MAX_ANSWER_BYTES = 256 * 1024  # key set, relay list and settings have a few KiB
PLAIN_S = 3600.0  # how long the plain address is used before TLS is tried again

# TLS does not get through to the portal; the plain address, sealed, may.
_NO_TLS = frozenset(
    {
        "portal_unreachable",
        "portal_untrusted",
        "proxy_refuses",
        "proxy_cannot_reach",
        "proxy_not_http",
    }
)


class PortalError(Exception):
    """The portal could not be asked, or said no; the text is for people.

    `code` is the problem's code when the portal answered with one, else a code of ours:
    `portal_unreachable`, `portal_untrusted`, `portal_moved`, `portal_failed`, or of
    `cmr.proxy.ProxyError`.
    """

    def __init__(self, code: str, message: str, clock_offset_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.clock_offset_s = clock_offset_s


@dataclass(frozen=True)
class PortalUrl:
    """Where the portal is, without a slash at its end."""

    text: str
    is_protected: bool  # TLS, or a connection that does not leave this machine; else it is sealed

    @property
    def host(self) -> str:
        return urlsplit(self.text).hostname or ""


def parse_portal_url(text: str) -> PortalUrl:
    """The address of a portal; raises PortalError `portal_url`."""
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise PortalError("portal_url", "the portal's address must be like https://portal.example")
    if parts.username is not None or parts.query or parts.fragment:
        raise PortalError("portal_url", "the portal's address must not have @, ? or #")
    address = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    return PortalUrl(address, parts.scheme == "https" or is_loopback(host))


@dataclass(frozen=True)
class _Question:
    """`body` is JSON (Any); None: no body."""

    method: str
    path: str
    token: str
    body: dict[str, Any] | None
    max_bytes: int = MAX_ANSWER_BYTES


class PortalClient:
    """Asks one portal. Owns its connections: use as an async context manager.

    `plain` is the portal's http address, used sealed when TLS does not get through.
    """

    def __init__(
        self, url: PortalUrl, outgoing: Outgoing | None = None, plain: PortalUrl | None = None
    ) -> None:
        self.url = url
        self.plain = plain
        self.way = url.text  # how it was reached the last time, in words
        self._plain_until = 0.0
        self._no_tls: PortalError | None = None
        outgoing = outgoing or Outgoing()
        self._session = outgoing.session(aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post(self, path: str, token: str, body: dict[str, Any], now: float) -> dict[str, Any]:
        """The portal's JSON answer (Any: JSON both ways); raises PortalError.

        `now` is this recorder's clock in Unix seconds, compared with the portal's on a refusal.
        """
        return await self._request(_Question("POST", path, token, body), now)

    async def get(self, path: str, token: str, now: float, max_bytes: int) -> dict[str, Any]:
        """As `post`, for an answer of at most `max_bytes`."""
        return await self._request(_Question("GET", path, token, None, max_bytes), now)

    async def _request(self, question: _Question, now: float) -> dict[str, Any]:
        if self.plain is None or time.monotonic() >= self._plain_until:
            try:
                answer = await self._send(self.url, question, now)
            except PortalError as error:
                if self.plain is None or error.code not in _NO_TLS:
                    raise
                self._no_tls = error
            else:
                self.way = self.url.text
                return answer
        return await self._send_plain(self.plain, question, now)

    async def _send_plain(
        self, plain: PortalUrl, question: _Question, now: float
    ) -> dict[str, Any]:
        """Says why TLS failed when this fails too: that is what can be mended."""
        try:
            answer = await self._send(plain, question, now)
        except PortalError as error:
            self._plain_until = 0.0
            raise (self._no_tls or error) if error.code in _NO_TLS else error from None
        if time.monotonic() >= self._plain_until:
            self._plain_until = time.monotonic() + PLAIN_S
        self.way = f"{plain.text}, sealed, because TLS is not possible: {self._no_tls}"
        return answer

    async def _send(self, url: PortalUrl, question: _Question, now: float) -> dict[str, Any]:
        try:
            try:
                return await self._ask(url, question, now)
            except OuterError as error:
                if error.code != "tunnel_unknown":
                    raise
                # It was restarted, and knows our tunnel no more: the next request makes another.
                return await self._ask(url, question, now)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable(url, error) from None

    async def _ask(self, url: PortalUrl, question: _Question, now: float) -> dict[str, Any]:
        async with self._session.request(
            question.method,
            url.text + question.path,
            json=question.body,
            headers={"Authorization": f"Bearer {question.token}"},
            allow_redirects=False,  # the token is for this portal alone
        ) as response:
            data = await read_bounded(response.content, question.max_bytes)
            return _answer(url, response, data, now)


async def read_bounded(content: aiohttp.StreamReader, limit: int) -> bytes:
    """All of a body that has at most `limit` bytes; raises ValueError when it has more."""
    data = bytearray()
    async for chunk in content.iter_any():
        data += chunk
        if len(data) > limit:
            raise ValueError(f"answer has more than {limit} bytes")
    return bytes(data)


def connection_words(error: aiohttp.ClientConnectorError) -> str:
    """`connection refused`: asyncio's own text repeats the address as a tuple."""
    if isinstance(error.os_error, ssl.SSLError):  # its number is OpenSSL's
        return tls_words(error.os_error)
    number = error.os_error.errno
    return os.strerror(number).lower() if number else str(error.os_error)


def tls_words(error: ssl.SSLError) -> str:
    """Why there is no TLS, without OpenSSL's file and line."""
    if error.reason in NO_TLS:
        return "what answers there does not speak TLS"
    return f"TLS failed, {(error.reason or 'no reason given').replace('_', ' ').lower()}"


def _answer(
    url: PortalUrl, response: aiohttp.ClientResponse, data: bytes, now: float
) -> dict[str, Any]:  # Any: JSON
    if response.status in range(300, 400):
        target = response.headers.get("Location", "another address")[:200]
        raise PortalError("portal_moved", f"{url.text} answers that it moved to {target}")
    body = _json_object(data)
    if response.status in (200, 201) and body is not None:
        return body
    offset = _clock_offset(response.headers.get("Date"), now)
    if body is None or "code" not in body:
        fact = f"{url.text} answered {response.status} and is not a Contera portal, or not well"
        raise PortalError("portal_failed", fact, offset)
    detail = str(body.get("detail", ""))[:500]
    raise PortalError(str(body["code"])[:100], detail, offset)


def _json_object(data: bytes) -> dict[str, Any] | None:  # Any: JSON
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):  # the latter for a hundred thousand brackets
        return None
    return body if isinstance(body, dict) else None


def _clock_offset(date: str | None, now: float) -> float | None:
    """Seconds this clock is ahead of the portal's, from its Date header (RFC 9110 §6.6.1)."""
    try:
        return None if date is None else now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _unreachable(url: PortalUrl, error: Exception) -> PortalError:
    host = url.host
    match error:
        case ProxyError() | UntrustedCertificate():
            return PortalError(error.code, str(error))
        case ssl.SSLError() if not isinstance(error, aiohttp.ClientConnectorError):
            return PortalError("portal_untrusted", f"{host}: {tls_words(error)}")
        case aiohttp.ClientConnectorDNSError():
            return PortalError("portal_unreachable", f"no host is called {host}, or DNS is down")
        case aiohttp.ClientConnectorError():
            code = "portal_untrusted" if isinstance(error, ssl.SSLError) else "portal_unreachable"
            return PortalError(code, f"{host} port {error.port}: {connection_words(error)}")
        case TimeoutError():
            fact = f"{host} did not answer within {REQUEST_TIMEOUT_S} s"
            return PortalError("portal_unreachable", fact)
        case _:
            return PortalError(
                "portal_unreachable", f"{host}: {str(error) or type(error).__name__}"
            )
