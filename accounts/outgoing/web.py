"""One HTTP request of the portal to an address that somebody typed: resolved once and judged, no
redirects, no proxy, bounded in size and time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from accounts.outgoing.addresses import Reach, refusal
from accounts.outgoing.names import NameUnknown, look_up
from accounts.outgoing.patience import Patience

DEADLINE_S = 10.0  # for everything; a person waits for it
CONNECT_S, READ_S = 4.0, 5.0
MAX_ANSWER = 512 * 1024  # metadata with several certificates has some 20 KB
MAX_URL = 2000


class NotReached(Exception):
    """No answer that could be used, in words for whoever typed the address."""


class NoAnswer(NotReached):
    """Nobody answered, or not in time."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object. Raises NotReached (Any: what a stranger sends)."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            raise NotReached("The answer is not JSON.") from None
        if not isinstance(found, dict):
            raise NotReached("The answer is not a JSON object.")
        return found


def checked(url: str, reach: Reach) -> SplitResult:
    """An address that is fit to be typed: https (http in a laboratory), a host, no credentials.
    Raises NotReached."""
    schemes = ("https", "http") if reach is Reach.LABORATORY else ("https",)
    try:
        parts = urlsplit(url)
        is_fit = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fit = False
    if not is_fit or len(url) > MAX_URL or not url.isascii() or not url.isprintable():
        raise NotReached(f"{url[:80] or 'Nothing'} is not an address with https://.")
    if "@" in parts.netloc or parts.fragment or " " in url:
        raise NotReached("Leave out user names, spaces and what follows a #.")
    return parts


def fetch(
    url: str,
    reach: Reach,
    *,
    form: Mapping[str, str] | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET, or POST of a form or of a body. Raises NotReached."""
    sent = dict(headers or {})
    if form is not None:
        body = urlencode(form).encode()
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    with _asked(url, reach, body, sent) as (response, patience):
        return Answer(response.status, _body(response, patience))


def tell(url: str, reach: Reach, body: bytes, headers: Mapping[str, str]) -> int:
    """POST of a body. Gives the status; what else the answer says is not read. Raises NotReached,
    NoAnswer when nobody says a status in time."""
    with _asked(url, reach, body, headers) as (response, patience):
        if patience.is_over:  # broken off within the head, which looks like its end
            raise NoAnswer(f"{urlsplit(url).hostname}: it did not answer in time.")
        return response.status


@contextmanager
def _asked(
    url: str, reach: Reach, body: bytes | None, headers: Mapping[str, str]
) -> Iterator[tuple[urllib3.BaseHTTPResponse, Patience]]:
    """The answer once its head is there; its connection lasts as long as the block."""
    parts = checked(url, reach)
    with _pool(parts, reach) as pool, Patience(DEADLINE_S) as patience:
        patience.watch(pool)
        try:
            response = pool.urlopen(
                "GET" if body is None else "POST",
                parts._replace(scheme="", netloc="", fragment="").geturl() or "/",
                body=body,
                headers={"Host": parts.netloc, "Accept-Encoding": "identity", **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            )
            with closing(response):
                yield response, patience
        except HTTPError as error:
            raise _not_reached(parts.hostname or "", error, patience) from None


def _pool(parts: SplitResult, reach: Reach) -> urllib3.HTTPConnectionPool:
    """Connects to the address that was judged; the certificate must be of the name."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _resolved(host, port, reach)
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(address, port)
    return urllib3.HTTPSConnectionPool(
        address, port, server_hostname=host, assert_hostname=host, cert_reqs="CERT_REQUIRED"
    )


def _resolved(host: str, port: int, reach: Reach) -> str:
    try:
        addresses = look_up(host, port)
    except NameUnknown:
        raise NoAnswer(f"{host}: the name is not known.") from None
    if reason := refusal(addresses, reach):
        raise NotReached(f"{host} cannot be used: {reason}.")
    return str(addresses[0])


def _body(response: urllib3.BaseHTTPResponse, patience: Patience) -> bytes:
    body = b""
    for piece in response.stream(16 * 1024, decode_content=False):
        body += piece
        if len(body) > MAX_ANSWER:
            raise NotReached(f"The answer is longer than {MAX_ANSWER // 1024} KB.")
    if patience.is_over:  # broken off, which looks like an end
        raise NotReached(f"The answer took longer than {DEADLINE_S:.0f} s.")
    return body


def _not_reached(host: str, error: HTTPError, patience: Patience) -> NotReached:
    # urllib3 counts a refused connection among those that took too long.
    is_refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    is_late = isinstance(error, urllib3.exceptions.TimeoutError) and not is_refused
    if is_late or patience.is_over:
        return NoAnswer(f"{host}: it did not answer in time.")
    if isinstance(error, urllib3.exceptions.SSLError):
        return NotReached(f"{host}: its certificate is not trusted.")
    if isinstance(error.__cause__, ConnectionRefusedError):
        return NoAnswer(f"{host}: it refused the connection.")
    return NoAnswer(f"{host}: it did not answer.")
