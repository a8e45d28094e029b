"""The STUN server (RFC 8489 Binding, RFC 5780): what it answers, to whom and from where. Pure.

It answers well-formed Binding requests alone and keeps no state. An answer goes to its request's
source, and is so little larger that nobody can use it to amplify an attack; what RFC 5780 has for
larger ones (PADDING, RESPONSE-PORT) is refused.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from protocol.errors import ProtocolError
from protocol.stun import (
    BINDING_REQUEST,
    BINDING_RESPONSE,
    CHANGE_IP,
    CHANGE_PORT,
    CHANGE_REQUEST,
    FINGERPRINT,
    MESSAGE_INTEGRITY,
    OTHER_ADDRESS,
    RESPONSE_ORIGIN,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    Address,
    StunMessage,
    error_response,
    parse_stun,
)

UNKNOWN_ATTRIBUTE = 420  # RFC 8489 §14.8
# Understood, or known to mean nothing to a server without accounts.
_KNOWN = frozenset({CHANGE_REQUEST, USERNAME, MESSAGE_INTEGRITY})

# For each source address: NAT discovery takes about ten requests, an office behind one address has
# many viewers.
BURST = 200
REQUESTS_PER_S = 20.0
MAX_SOURCES = 20_000


@dataclass(frozen=True)
class Place:
    """The server as one datagram found it: where that arrived, and which other ones we have.

    `other_address` is None unless the server has two; `other_port` unless it has two ports.
    """

    address: str
    port: int
    other_address: str | None = None
    other_port: int | None = None

    def changed(self, flags: int) -> Address | None:
        """Where the answer to a CHANGE-REQUEST comes from; None when we have no such place."""
        address = self.other_address if flags & CHANGE_IP else self.address
        port = self.other_port if flags & CHANGE_PORT else self.port
        return None if address is None or port is None else (address, port)

    @property
    def other(self) -> Address | None:
        """RFC 5780 §7.4: told only when address and port can both be changed."""
        return self.changed(CHANGE_IP | CHANGE_PORT)


@dataclass(frozen=True)
class Answer:
    """Bytes, and the address and port of ours that they leave from."""

    data: bytes
    source: Address


def answer(data: bytes, client: Address, place: Place) -> Answer | None:
    """The answer to a datagram from `client`, or None when it deserves none."""
    try:
        request = parse_stun(data)
        flags = request.change_request() or 0
    except ProtocolError:
        return None
    if request.type != BINDING_REQUEST:
        return None
    source = place.changed(flags)
    unknown = [type_ for type_ in request.required_attributes if type_ not in _KNOWN]
    if source is None:
        unknown.append(CHANGE_REQUEST)  # RFC 5780 §6.1
    has_fingerprint = request.get(FINGERPRINT) is not None
    if unknown or source is None:
        refusal = error_response(request, UNKNOWN_ATTRIBUTE, unknown)
        return Answer(refusal.encode(has_fingerprint=has_fingerprint), (place.address, place.port))
    response = _response(request, client, source, place.other)
    return Answer(response.encode(has_fingerprint=has_fingerprint), source)


def _response(
    request: StunMessage, client: Address, source: Address, other: Address | None
) -> StunMessage:
    response = StunMessage(BINDING_RESPONSE, request.transaction)
    response = response.with_address(XOR_MAPPED_ADDRESS, client)
    response = response.with_address(RESPONSE_ORIGIN, source)
    return response.with_address(OTHER_ADDRESS, other) if other else response


class RateLimit:
    """A bucket of BURST requests for each source that fills again with REQUESTS_PER_S."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, address: str, now: float) -> bool:
        """Counts a request at `now` (monotonic seconds)."""
        source = _source(address)
        left, counted_at = self._buckets.pop(source, (float(BURST), now))
        left = min(BURST, left + (now - counted_at) * REQUESTS_PER_S)
        is_allowed = left >= 1
        self._buckets[source] = (left - is_allowed, now)
        if len(self._buckets) > MAX_SOURCES:
            self._buckets.popitem(last=False)
        return is_allowed


def _source(address: str) -> str:
    """Who is counted: an IPv4 address, or the /64 that one customer has of IPv6."""
    return address if ":" not in address else f"{int(ipaddress.IPv6Address(address)) >> 64:x}"
