"""Offers and answers (SDP, RFC 8866) for exactly one data channel and nothing else. Pure.

Our own few lines of parser: what comes in is hostile until its sender has proved otherwise, and
only six attributes of it are needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from protocol.errors import ProtocolError
from protocol.parts import MAX_PART_BYTES

MAX_SDP_BYTES = 16 * 1024
MAX_LINES = 200
SCTP_PORT = 5000  # RFC 8841 §5: what everybody uses
DEFAULT_MAX_MESSAGE_BYTES = 65_536  # RFC 8841 §6.1, when the offer does not tell

_DIGESTS = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_MEDIA = re.compile(r"m=application [0-9]{1,5} (?:UDP/DTLS/SCTP|TCP/DTLS/SCTP) webrtc-datachannel")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MID = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,32}")
_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*")


@dataclass(frozen=True)
class Offer:
    """What a viewer offers. `candidates` are attribute lines as they came."""

    mid: str
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # (algorithm, hex pairs)
    is_dtls_client: bool  # the viewer insists on opening the DTLS handshake
    sctp_port: int
    max_message_bytes: int
    candidates: tuple[str, ...]
    is_bundled: bool


def parse_offer(sdp: str) -> Offer:
    """The offer; raises ProtocolError `bad_sdp` that names the fact."""
    if len(sdp.encode()) > MAX_SDP_BYTES:
        raise _bad(f"it has more than {MAX_SDP_BYTES} bytes")
    lines = sdp.replace("\r\n", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise _bad(f"it has more than {MAX_LINES} lines")
    _check_media(lines)
    attributes = _attributes(lines)
    size = _number(attributes, "max-message-size", DEFAULT_MAX_MESSAGE_BYTES, 10**12)
    if 0 < size <= MAX_PART_BYTES:
        raise _bad(f"max-message-size {size} is too small")
    return Offer(
        mid=_text(attributes, "mid", _MID),
        ufrag=_text(attributes, "ice-ufrag", _UFRAG),
        password=_text(attributes, "ice-pwd", _PASSWORD),
        fingerprints=_fingerprints(attributes.get("fingerprint", [])),
        is_dtls_client=_is_dtls_client(attributes),
        sctp_port=_number(attributes, "sctp-port", SCTP_PORT, 65_535),
        max_message_bytes=size,
        candidates=tuple(f"candidate:{value}" for value in attributes.get("candidate", [])),
        is_bundled="group" in attributes,
    )


def format_answer(
    offer: Offer,
    session: int,
    ufrag: str,
    password: str,
    fingerprints: Iterable[tuple[str, str]],
    candidates: Iterable[str],
) -> str:
    """Our answer, all candidates included: nothing of ours trickles after it."""
    lines = [
        "v=0",
        f"o=- {session} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        *([f"a=group:BUNDLE {offer.mid}"] if offer.is_bundled else []),
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{offer.mid}",
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        *(f"a=fingerprint:{algorithm} {value}" for algorithm, value in fingerprints),
        f"a=setup:{'passive' if offer.is_dtls_client else 'active'}",
        f"a=sctp-port:{SCTP_PORT}",
        f"a=max-message-size:{MAX_PART_BYTES + 1}",
        *(f"a={candidate}" for candidate in candidates),
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"


def _check_media(lines: list[str]) -> None:
    media = [line for line in lines if line.startswith("m=")]
    if len(media) != 1 or not _MEDIA.fullmatch(media[0]):
        raise _bad("it must offer one data channel and nothing else")


def _attributes(lines: list[str]) -> dict[str, list[str]]:
    """Attributes of the session and of its only medium, in the order they came."""
    attributes: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            attributes.setdefault(name, []).append(value)
    return attributes


def _text(attributes: dict[str, list[str]], name: str, pattern: re.Pattern[str]) -> str:
    values = attributes.get(name, [])
    if len(values) != 1 or not pattern.fullmatch(values[0]):
        raise _bad(f"a={name} is missing, doubled or malformed")
    return values[0]


def _number(attributes: dict[str, list[str]], name: str, default: int, highest: int) -> int:
    values = attributes.get(name, [str(default)])
    if len(values) != 1 or not re.fullmatch("[0-9]{1,13}", values[0]) or int(values[0]) > highest:
        raise _bad(f"a={name} is doubled or no number up to {highest}")
    return int(values[0])


def _fingerprints(values: list[str]) -> tuple[tuple[str, str], ...]:
    """Those whose digest is strong enough; at least one (RFC 8122 §5)."""
    found = tuple(
        (algorithm.lower(), value.upper())
        for algorithm, _, value in (line.partition(" ") for line in values[:4])
        if _is_fingerprint(algorithm.lower(), value)
    )
    if not found:
        raise _bad("a=fingerprint is missing or malformed")
    return found


def _is_fingerprint(algorithm: str, value: str) -> bool:
    size = _DIGESTS.get(algorithm)
    return size is not None and len(value) == 3 * size - 1 and bool(_HEX_PAIRS.fullmatch(value))


def _is_dtls_client(attributes: dict[str, list[str]]) -> bool:
    """RFC 8842 §5.2: an offerer that says `active` opens the handshake, all others wait for us."""
    role = _text(attributes, "setup", re.compile("actpass|active|passive"))
    return role == "active"


def _bad(fact: str) -> ProtocolError:
    return ProtocolError("bad_sdp", f"the offer cannot be used: {fact}")
