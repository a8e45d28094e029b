"""Are viewer and recorder in the same network, and where is the recorder found there?

Judged by the addresses the portal saw itself. What a recorder says of its own only chooses
among addresses that mean something inside a network: a lying one cannot send viewers elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address
Span = tuple[Address, Address]  # first and last, both included

MAX_LOCAL_ADDRESSES = 6  # a viewer tries all of them at once
_SITE_BITS = 64  # IPv6: a network is a /64, its hosts differ in the rest (RFC 4291 §2.5.4)
_LOOPBACK = "127.0.0.1"
_SITE_NETWORKS = [
    ip_network(text)  # RFC 1918, RFC 6598 (carriers, and some sites), RFC 4193
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
_METADATA = {ip_address(text) for text in ("100.100.100.200", "fd00:ec2::254")}


def parsed(text: str | None) -> Address | None:
    try:
        return ip_address(text or "")
    except ValueError:
        return None


def is_same_network(viewer: Address | None, recorder: Address | None) -> bool:
    """Both come to the portal from one address; with IPv6, from one /64."""
    if viewer is None or recorder is None:
        return False
    if viewer.is_loopback and recorder.is_loopback:
        return True
    if isinstance(viewer, IPv6Address) and isinstance(recorder, IPv6Address):
        return int(viewer) >> _SITE_BITS == int(recorder) >> _SITE_BITS
    return viewer == recorder


def is_within(address: Address | None, spans: Iterable[Span]) -> bool:
    return address is not None and any(
        first.version == address.version and int(first) <= int(address) <= int(last)
        for first, last in spans
    )


def local_targets(
    viewer: Address | None, recorder: Address | None, local: Sequence[str], spans: Sequence[Span]
) -> list[str]:
    """The recorder's addresses worth trying from inside its network, in its own order.

    When both seem to be on the portal's machine, that is all that is told: behind a proxy nobody
    declared, everybody seems to be there.
    """
    if viewer is not None and viewer.is_loopback:
        return [_LOOPBACK]
    found = [address for text in local if (address := parsed(text)) is not None]
    usable = [address for address in found if _is_of_a_site(address, recorder, spans)]
    if recorder is not None and _is_private(recorder):
        usable.append(recorder)  # the portal itself is inside
    return [str(address) for address in dict.fromkeys(usable)][:MAX_LOCAL_ADDRESSES]


def _is_of_a_site(address: Address, recorder: Address | None, spans: Sequence[Span]) -> bool:
    if address in _METADATA:
        return False
    is_public_here = is_within(address, spans) or is_same_network(address, recorder)
    return _is_private(address) or (address.is_global and is_public_here)


def _is_private(address: Address) -> bool:
    return any(address in network for network in _SITE_NETWORKS)


def in_url(host: str) -> str:
    """An address or domain as a URL wants it (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host else host
