"""What a network does to relayed video: streaming POSTs of `message/http`, WebSockets, the rate.

The relay counts what arrives of a probe while it is under way (docs/design/connection.md §7).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass

import aiohttp

from cmr.connector import Outgoing, UntrustedCertificate
from cmr.doors.relay_probe import HOLDS, probe_received, probe_stream, probe_url
from cmr.doors.relay_words import LINK_ERRORS
from cmr.portal import connection_words
from cmr.preflight.check import Verdict
from cmr.proxy import ProxyError
from protocol.http_message import RESPONSE_TYPE
from protocol.session import SUBPROTOCOL

ANSWER_S = 6.0

UPLOAD_S = 2.0
MAX_UPLOAD_BYTES = 4_000_000
PIECE_BYTES = 60_000  # a probe takes 64 KiB
SENDERS = 4  # one alone would measure the way there and back

# The guide's plan (requirement D4): what one camera needs, in kbps.
SD_KBPS, HD_KBPS = 500, 5000
MOST_CAMERAS = 64  # a recorder has no more

_FILTER_ADVICE = (
    "Allow Content-Type message/http to the relay, in POST requests and in answers. "
    "Cisco IronPort needs a Cisco Data Security policy for it."
)
_NOT_REACHED = "The relay is not reached at all: begin with the required hosts above."
_HOLDS_ADVICE = (
    "A filter keeps uploads until they end, and live video never ends. Exempt the relay from it. "
    "Until then the recorder uses another way of sending."
)


@dataclass(frozen=True)
class Node:
    """A relay node, and what opens it."""

    url: str
    relay_pass: str
    recorder_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.relay_pass}"}


def _session(outgoing: Outgoing) -> aiohttp.ClientSession:
    return outgoing.session(aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S), limit=0)


async def message_http(outgoing: Outgoing, node: Node) -> Verdict:
    """A small request and an answer, both of the media type that relayed video has."""
    url = probe_url(node.url)
    headers = {**node.headers, "Content-Type": RESPONSE_TYPE}
    try:
        async with asyncio.timeout(ANSWER_S), _session(outgoing) as session:
            async with session.post(url, headers=headers, data=bytes(64)) as answer:
                status = answer.status
            received = await probe_received(session, url, node.headers)
    except LINK_ERRORS as error:
        return _failed(error, _FILTER_ADVICE)
    if status != 204:
        return Verdict.failed(f"answered {status} by something between", _FILTER_ADVICE)
    if isinstance(received, str):
        return Verdict.failed(received, _FILTER_ADVICE)
    return Verdict.passed("requests and answers of this type arrive unchanged")


async def streaming(outgoing: Outgoing, node: Node) -> Verdict:
    """A body that is not at its end: what the relay door decides its way of sending by."""
    started = time.monotonic()
    try:
        async with _session(outgoing) as session:
            stopped_by = await probe_stream(session, node.url, node.headers)
    except LINK_ERRORS as error:
        return _failed(error, _FILTER_ADVICE)
    if stopped_by is not None:
        return Verdict.failed(stopped_by, _HOLDS_ADVICE if stopped_by == HOLDS else _FILTER_ADVICE)
    passed_ms = round((time.monotonic() - started) * 1000)
    return Verdict.passed(f"uploads arrive while they are being sent ({passed_ms} ms)")


async def web_socket(outgoing: Outgoing, node: Node) -> Verdict:
    """The way around a filter that holds uploads, and the way browsers come."""
    url = f"{node.url}/relay/v1/recorders/{node.recorder_id}/session"
    try:
        async with (
            asyncio.timeout(ANSWER_S),
            _session(outgoing) as session,
            session.ws_connect(url, protocols=[SUBPROTOCOL], compress=0),
        ):
            return Verdict.passed("WebSockets pass")
    except (aiohttp.ClientError, OSError) as error:
        return _failed(
            error,
            "Allow the HTTP header Upgrade: websocket to the relay. Browsers at this site need it.",
        )


async def upload(outgoing: Outgoing, node: Node) -> Verdict:
    """How fast this site sends, for UPLOAD_S or MAX_UPLOAD_BYTES."""
    sent, started = 0, time.monotonic()

    async def send(session: aiohttp.ClientSession) -> None:
        nonlocal sent
        headers = {**node.headers, "Content-Type": RESPONSE_TYPE}
        while time.monotonic() - started < UPLOAD_S and sent < MAX_UPLOAD_BYTES:
            piece = secrets.token_bytes(PIECE_BYTES)  # what a line that compresses cannot shrink
            async with session.post(probe_url(node.url), headers=headers, data=piece) as answer:
                if answer.status != 204:
                    raise aiohttp.ClientError(f"the relay answered {answer.status}")
            sent += PIECE_BYTES

    async with _session(outgoing) as session:
        senders = [send(session) for _ in range(SENDERS)]
        ended = await asyncio.gather(*senders, return_exceptions=True)
    failures = [error for error in ended if isinstance(error, aiohttp.ClientError | OSError)]
    if failures:
        advice = "Once the tests of the relay pass, the rate can be measured."
        return Verdict.failed(_words(failures[0]), advice)
    return _rate(sent * 8 / 1000 / (time.monotonic() - started))


def _rate(kbps: float) -> Verdict:
    """In kbps, and what that means in cameras."""
    detail = f"{_rate_words(kbps)} upwards: {_cameras(kbps, HD_KBPS, 'HD')}"
    if kbps < HD_KBPS * MOST_CAMERAS:
        detail += f", or {_cameras(kbps, SD_KBPS, 'SD')}"
    if kbps < HD_KBPS:
        advice = "Below 5 Mbps plan for SD: one 4MP HD stream needs all of 5 Mbps."
        return Verdict.warned(detail, advice)
    return Verdict.passed(detail)


def _cameras(kbps: float, each: int, kind: str) -> str:
    count = int(kbps // each)
    if count >= MOST_CAMERAS:
        return f"{MOST_CAMERAS} or more {kind} cameras"
    return f"{count} {kind} camera{'' if count == 1 else 's'}"


def _rate_words(kbps: float) -> str:
    return f"{kbps / 1000:.1f} Mbps" if kbps >= 1000 else f"{kbps:.0f} kbps"


def _failed(error: Exception, advice: str) -> Verdict:
    """What never got to the relay says nothing about filters."""
    if isinstance(error, aiohttp.ClientConnectorError | ProxyError):
        advice = _NOT_REACHED
    return Verdict.failed(_words(error), advice)


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(
        error, UntrustedCertificate
    ):
        return connection_words(error)
    return "no answer" if isinstance(error, TimeoutError) else (str(error) or "cut off")[:300]
