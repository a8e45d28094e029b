"""ICE candidates (RFC 8839 §5.1) of viewers: which of them this recorder tries at all. Pure.

A viewer names addresses and we send packets there, so the list is short and excludes what no viewer
can be: nobody scans our network by SDP (L11). Which ones were left out is never told.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

MAX_CANDIDATES = 24  # of one viewer: an office laptop with VPN and two address families has a dozen
MAX_LINE_LENGTH = 300
MIN_PORT = 1024  # below are services, not viewers

_LINE = re.compile(
    r"(?:a=)?candidate:(?P<foundation>[A-Za-z0-9+/]{1,32}) 1 (?:udp|UDP) (?P<priority>[0-9]{1,10})"
    r" (?P<address>[0-9A-Za-z.:-]{2,64}) (?P<port>[0-9]{1,5}) typ (?P<type>host|srflx|relay)( .*)?"
)
# Browsers hide local addresses behind names of this form (draft-ietf-mmusic-mdns-ice-candidates).
_MDNS_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local", re.IGNORECASE)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/8",  # unspecified, loopback, IPv4 in disguise
        "64:ff9b::/32",  # NAT64: IPv4 in disguise
        "2001::/32",  # Teredo, the same
        "2002::/16",  # 6to4, the same
        "fd00:ec2::/32",  # metadata services
        "fe80::/10",
        "ff00::/8",
    )
)


@dataclass(frozen=True)
class Candidate:
    """One transport address of a viewer; `host` is a literal address or an mDNS name."""

    foundation: str
    priority: int
    host: str
    port: int
    type: str

    @property
    def is_mdns(self) -> bool:
        return _MDNS_NAME.fullmatch(self.host) is not None


def parse_candidate(line: str, mode: str) -> Candidate | None:
    """The candidate in a line of SDP when this recorder tries it in this mode (`lan`: only what
    may be on its own network); None otherwise."""
    match = _LINE.fullmatch(line.strip()) if len(line) <= MAX_LINE_LENGTH else None
    if match is None:
        return None
    priority, port = int(match["priority"]), int(match["port"])
    if priority >= 1 << 32 or not MIN_PORT <= port <= 65_535:
        return None
    candidate = Candidate(match["foundation"], priority, match["address"], port, match["type"])
    return candidate if _is_tried(candidate, mode) else None


def _is_tried(candidate: Candidate, mode: str) -> bool:
    if mode == "lan" and candidate.type != "host":
        return False
    return candidate.is_mdns or is_address_tried(candidate.host, mode)


def is_address_tried(text: str, mode: str) -> bool:
    """Whether packets may go to this literal address. Also for what an mDNS name stood for, with
    mode `lan`: nobody else answers there."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return is_reachable(address) and (mode != "lan" or address.is_private)


def is_reachable(address: Address) -> bool:
    """Whether a machine can have this address, as seen from another one."""
    return not any(address in network for network in _NEVER)
