"""A recorder's way to the world, as it reported it, in words. Pure.

What a newer recorder invented is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recorders.network_settings import NAMES
from recorders.status import Status

Facts = Mapping[str, Any]  # Any: JSON values of recorders.connection_reports

_SYMMETRIC = Status(
    "warn",
    "Gives every connection another port (symmetric NAT): Peer-to-Peer works only with viewers "
    "whose network does not",
)
_MAPPINGS = {
    "endpoint_independent": Status("good", "Keeps its ports: Peer-to-Peer works with most viewers"),
    "address_dependent": _SYMMETRIC,
    "address_and_port_dependent": _SYMMETRIC,
    "no_nat": Status("good", "No NAT: the recorder has a public address of its own"),
    "blocked": Status("warn", "Blocks UDP: Peer-to-Peer cannot work"),
    "unknown": Status("", "Not measured yet"),
}
_PROXIES = {
    "null": "without sign-in",
    "basic": "with Basic sign-in",
    "digest": "with Digest sign-in",
}
_TRANSPORTS = {
    "stream": Status("good", "Streams freely"),
    "socket": Status("warn", "Goes through a WebSocket"),
    "segments": Status("warn", "Goes in short pieces"),
    "none": Status("bad", "Does not reach the relay"),
}


def nat_status(nat: Facts) -> Status:
    mapping = str(nat.get("mapping", "unknown"))
    return _MAPPINGS.get(mapping, Status("", _plain(mapping)))


def nat_details(nat: Facts) -> str:
    """The words of RFC 5780 for whoever looks after the network; empty when nothing is known."""
    if nat.get("mapping", "unknown") in ("unknown", "blocked"):
        return str(nat.get("detail", ""))
    hairpin = nat.get("hairpin")
    facts = [
        "" if nat["mapping"] == "no_nat" else f"mapping {_plain(nat['mapping']).lower()}",
        "" if nat["filtering"] == "unknown" else f"filtering {_plain(nat['filtering']).lower()}",
        "" if hairpin is None else f"hairpin {'yes' if hairpin else 'no'}",
    ]
    return ", ".join(fact for fact in facts if fact)


def proxy_status(proxy: Facts) -> Status | None:
    """None when the recorder uses no proxy, or did not say."""
    scheme = proxy.get("scheme", "none")
    if scheme == "none":
        return None
    via = proxy.get("via") or "a proxy"
    words = f"{via}, {_PROXIES.get(scheme, scheme)}"
    return Status("bad" if proxy.get("detail") else "good", words)


def transport_status(transport: Facts) -> Status | None:
    """None when the recorder did not say."""
    name = transport.get("name")
    if name is None:
        return None
    found = _TRANSPORTS.get(name, Status("", _plain(name)))
    sealed = ", encrypted inside plain HTTP" if transport.get("sealed") else ""
    return Status(found.level, found.words + sealed)


def methods_words(capabilities: Iterable[str]) -> str:
    """What the recorder serves now; empty when it has not said."""
    served = set(capabilities)
    return ", ".join(name for path, name in NAMES.items() if path in served)


def _plain(word: str) -> str:
    return word.replace("_", " ").capitalize()
