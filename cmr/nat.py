"""What kind of NAT this recorder is behind, judged from what STUN servers saw (RFC 5780). Pure.

Servers may lie and answers may be forged; at worst the words are wrong for ten minutes, and
peer-to-peer, which proves each path by itself, is tried in vain.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from protocol.stun import Address

NO_NAT = "no_nat"
ENDPOINT_INDEPENDENT = "endpoint_independent"
ADDRESS_DEPENDENT = "address_dependent"
ADDRESS_AND_PORT_DEPENDENT = "address_and_port_dependent"
UNKNOWN = "unknown"
BLOCKED = "blocked"

_WORDS = {
    NO_NAT: "There is no NAT: this machine has its address itself.",
    ENDPOINT_INDEPENDENT: "The NAT keeps one port for all targets, which suits peer to peer.",
    ADDRESS_DEPENDENT: "The NAT gives each target address another port (symmetric).",
    ADDRESS_AND_PORT_DEPENDENT: "The NAT gives each target another port (symmetric).",
    UNKNOWN: "It is not known how the NAT behaves.",
    BLOCKED: "No STUN server answers: UDP seems to be blocked.",
}
_FILTER_WORDS = {
    ENDPOINT_INDEPENDENT: " It lets everybody answer.",
    ADDRESS_DEPENDENT: " It lets only addresses answer that were sent to.",
    ADDRESS_AND_PORT_DEPENDENT: " It lets only those answer that were sent to.",
}


@dataclass(frozen=True)
class NatReport:
    """The words of RFC 5780 §4; `external` is the address others see, `hairpin` whether machines
    behind the same NAT reach each other by it (None: not known), `detail` a sentence."""

    mapping: str
    filtering: str = UNKNOWN
    external: str | None = None
    hairpin: bool | None = None
    detail: str = ""

    def as_json(self, checked_at: str) -> dict[str, Any]:  # Any: JSON
        return {**asdict(self), "detail": self.words, "checked_at": checked_at}

    @property
    def words(self) -> str:
        """For people."""
        if self.detail:
            return self.detail
        told = self.mapping not in {UNKNOWN, BLOCKED}
        return _WORDS[self.mapping] + (_FILTER_WORDS.get(self.filtering, "") if told else "")


def mapping_behaviour(local: Address, seen: Mapping[Address, Address]) -> str:
    """How the NAT maps one local address, from where each server (key) saw it (value)."""
    if not seen:
        return BLOCKED
    mapped = set(seen.values())
    if mapped == {local}:
        return NO_NAT
    if len(mapped) == 1:
        return ENDPOINT_INDEPENDENT if len(seen) > 1 else UNKNOWN
    by_address: dict[str, set[Address]] = {}
    for server, address in seen.items():
        by_address.setdefault(server[0], set()).add(address)
    asked_two_ports = len(seen) > len(by_address)
    if asked_two_ports and all(len(found) == 1 for found in by_address.values()):
        return ADDRESS_DEPENDENT
    return ADDRESS_AND_PORT_DEPENDENT


def filtering_behaviour(*, from_other_address: bool | None, from_other_port: bool | None) -> str:
    """Whether answers came from places that nothing was sent to; None: could not be asked."""
    if from_other_address:
        return ENDPOINT_INDEPENDENT
    if from_other_port is False:
        return ADDRESS_AND_PORT_DEPENDENT
    if from_other_port and from_other_address is False:
        return ADDRESS_DEPENDENT
    return UNKNOWN  # a server with one address cannot tell the first from the last


def is_plausible(mapped: Address, server: Address) -> bool:
    """Whether a server at this address can have seen us at that one: nobody on the Internet sees a
    private address (a laboratory's server does)."""
    host, asked = ipaddress.ip_address(mapped[0]), ipaddress.ip_address(server[0])
    if host.version != asked.version or not mapped[1]:
        return False
    if host.is_unspecified or host.is_multicast or host.is_link_local:
        return False
    if host.is_loopback or asked.is_loopback:
        return host.is_loopback and asked.is_loopback
    return host.is_global or not asked.is_global


def parse_server(text: str) -> Address | None:
    """`host:port` or `[address]:port`; None when it is neither."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or len(port) > 5 or not 1 <= int(port) <= 65_535:
        return None
    return host, int(port)
