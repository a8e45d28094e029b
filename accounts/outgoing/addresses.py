"""Which addresses are fit for what the portal asks of others. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

# Cloud providers answer with secrets of the machine at these.
_METADATA = {
    ip_address(text)
    for text in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "168.63.129.16")
}
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: carries an IPv4 address in its last 32 bits


class Reach(Enum):
    """How far an installation lets the portal go."""

    PUBLIC = "public"
    PRIVATE = "private"  # also into private networks
    LABORATORY = "laboratory"  # also to this machine, and by plain http


def refusal(addresses: Sequence[Address], reach: Reach) -> str | None:
    """Why the portal does not go to any of these, or None. One bad address spoils the name: names
    that lead to several places are how requests are turned inwards (DNS rebinding)."""
    return next((reason for a in addresses if (reason := _reason(a, reach))), None)


def _reason(address: Address, reach: Reach) -> str | None:
    for candidate in (address, embedded_ipv4(address)):
        if candidate is None or (reach is Reach.LABORATORY and candidate.is_loopback):
            continue
        if reason := unreachable_reason(candidate):
            return reason
        if reach is Reach.PUBLIC and not is_public(candidate):
            return "it is a private or reserved address, which the portal does not reach into"
    return None


def embedded_ipv4(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]


def unreachable_reason(address: Address) -> str | None:
    """Why nobody can mean this address as somebody else's."""
    reasons = {
        "it means the machine that uses it, no other": address.is_loopback,
        "it is a link-local address, good on one cable only": address.is_link_local,
        "it is a cloud provider's metadata service": address in _METADATA,
        "it is a multicast address": address.is_multicast,
        "it means no address at all": address.is_unspecified,
        "it is reserved": address.version == 4 and address.is_reserved,
        "its zone after % means nothing elsewhere": bool(getattr(address, "scope_id", None)),
    }
    return next((reason for reason, is_true in reasons.items() if is_true), None)


def is_public(address: Address) -> bool:
    is_site_local = isinstance(address, IPv6Address) and address.is_site_local  # RFC 3879
    return address.is_global and not address.is_reserved and not is_site_local
