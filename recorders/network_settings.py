"""Checks what people enter in Remote Network Settings, and says what it will do.

Pure. Errors are sentences for the person who typed, naming the entry and the fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Network,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from urllib.parse import SplitResult, urlsplit

from accounts.outgoing.addresses import Address, embedded_ipv4, unreachable_reason

MAX_RANGES = 100
MAX_RANGES_TEXT = 10_000  # characters; 100 ranges of IPv6 have 8,000
HTTP_PORT, HTTPS_PORT = 80, 443

_WIDEST_PREFIX = {4: 8, 6: 7}  # 10.0.0.0/8 and fc00::/7 are the widest private networks
_MAX_NAME = 253  # RFC 1035 §2.3.4
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label like this is read as an IPv4 address
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "invalid", "test", "onion")
_MAPPED = ip_network("::ffff:0:0/96")


class BadSetting(Exception):
    """Something that cannot be kept; `problems` are sentences, one per fact."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class ManualNat:
    """Where clients find the recorder: `host` is an address or a domain in ASCII."""

    host: str
    port: int
    is_https: bool


@dataclass(frozen=True)
class NetworkChoice:
    """Remote Network Settings as somebody wants them, checked."""

    is_lan_enabled: bool
    lan_ranges: list[str]
    is_manual_nat_enabled: bool
    manual_nat: ManualNat | None  # kept while it is switched off
    is_p2p_enabled: bool
    is_relay_enabled: bool
    relay_region: str

    @property
    def enabled_paths(self) -> frozenset[str]:
        enabled = {
            "lan": self.is_lan_enabled,
            "manual_nat": self.is_manual_nat_enabled,
            "p2p": self.is_p2p_enabled,
            "relay": self.is_relay_enabled,
        }
        return frozenset(path for path, is_enabled in enabled.items() if is_enabled)


# --- LAN ranges -----------------------------------------------------------------------------------


def parse_ranges(text: str) -> list[str]:
    """IP ranges, one per line or comma: an address, `10.1.0.0/16`, or `10.1.0.5-10.1.0.90`.

    The answer is sorted and merged; each entry is an address, a CIDR, or first-last.
    Raises BadSetting with a sentence per bad line.
    """
    if len(text) > MAX_RANGES_TEXT:
        count = len(re.findall(r"[^,\s][^,\n]*", text))
        raise BadSetting(
            f"There are {count:,} ranges with {len(text):,} characters; at most {MAX_RANGES} are "
            "kept. Take wider ones, such as 10.0.0.0/8."
        )
    spans, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        for entry in filter(None, (part.strip() for part in line.split(","))):
            try:
                spans.append(_span(entry))
            except ValueError as error:
                problems.append(f"Line {number}, “{entry[:60]}”: {error}.".replace("?.", "?"))
    if problems:
        raise BadSetting(*problems[:10])
    return _bounded([_format(first, last) for first, last in _merge(spans)])


def range_spans(ranges: Iterable[str]) -> list[tuple[Address, Address]]:
    """First and last address of ranges that `parse_ranges` gave."""
    return [_span(entry) for entry in ranges]


def _bounded(ranges: list[str]) -> list[str]:
    if len(ranges) > MAX_RANGES:
        raise BadSetting(f"There are {len(ranges)} separate ranges; at most {MAX_RANGES} are kept.")
    return ranges


def _span(entry: str) -> tuple[Address, Address]:
    first, dash, last = re.sub("[\u2013\u2014]", "-", entry).partition("-")
    found = _first_last(first.strip(), last.strip()) if dash else _network_span(entry)
    _check_span(*found)
    return found


def _first_last(first_text: str, last_text: str) -> tuple[Address, Address]:
    first, last = _address(first_text), _address(last_text)
    if first.version != last.version:
        raise ValueError("first and last are of different kinds (IPv4 and IPv6)")
    if int(first) > int(last):
        raise ValueError(f"{first} comes after {last}")
    return first, last


def _network_span(entry: str) -> tuple[Address, Address]:
    if "/" not in entry:
        return _address(entry), _address(entry)
    _address(entry.partition("/")[0])
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        raise ValueError("the part after / is not a prefix length") from None
    if str(network.network_address) != str(_address(entry.partition("/")[0])):
        raise ValueError(f"the address has bits outside its network; did you mean {network}?")
    return network[0], network[-1]


def _address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(
            f"{text[:45]!r} is not an IP address" if text else "an address is missing"
        ) from None
    if getattr(address, "scope_id", None):
        raise ValueError("leave out the zone after %")
    return address


def _check_span(first: Address, last: Address) -> None:
    if any(address.version == 6 and address in _MAPPED for address in (first, last)):
        raise ValueError("write it as an IPv4 address")
    if int(last) - int(first) >= 1 << (first.max_prefixlen - _WIDEST_PREFIX[first.version]):
        raise ValueError(
            f"wider than a /{_WIDEST_PREFIX[first.version]}, nearly the whole Internet"
        )
    for address in (first, last):
        if address.is_loopback or address.is_multicast or address.is_unspecified:
            raise ValueError(f"no client has the address {address}")


def _merge(spans: Iterable[tuple[Address, Address]]) -> list[tuple[Address, Address]]:
    merged: list[tuple[Address, Address]] = []
    for first, last in sorted(spans, key=lambda span: (span[0].version, int(span[0]))):
        if merged and _touches(merged[-1], first):
            before = merged[-1]
            merged[-1] = (before[0], before[1] if int(before[1]) >= int(last) else last)
        else:
            merged.append((first, last))
    return merged


def _touches(before: tuple[Address, Address], first: Address) -> bool:
    return before[1].version == first.version and int(first) <= int(before[1]) + 1


def _format(first: Address, last: Address) -> str:
    if first == last:
        return str(first)
    networks: list[IPv4Network | IPv6Network] = list(summarize_address_range(first, last))
    return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"


# --- Manual NAT -----------------------------------------------------------------------------------


def parse_manual_nat(text: str, port: int | None) -> ManualNat:
    """An address, a domain or `https://…`, and a port: 80, or 443 for https, unless another is
    given there or here. Raises BadSetting."""
    parts = _split(text.strip())
    is_https = parts.scheme == "https"
    host = _host(parts.hostname or "")
    return ManualNat(host, _port(_port_of(parts), port, is_https), is_https)


def _split(text: str) -> SplitResult:
    if not text:
        raise BadSetting("Enter the address or domain that clients connect to.")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise BadSetting("The address has a space or a control character in it.")
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() not in ("http", "https"):
        raise BadSetting(f"“{scheme[:20]}://” is not possible: use http:// or https://.")
    try:
        parts = urlsplit(text if separator else f"http://{_bracketed(text)}")
        _ = parts.port
    except ValueError:
        raise BadSetting(f"“{text[:80]}” is not an address: check brackets and port.") from None
    return _only_host(parts)


def _bracketed(text: str) -> str:
    """An IPv6 address needs brackets in a URL; people type it without."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _only_host(parts: SplitResult) -> SplitResult:
    if "@" in parts.netloc:
        raise BadSetting("Leave out the user name and password before @.")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadSetting("Give the address alone, without a path, ? or #.")
    return parts


def _port_of(parts: SplitResult) -> int | None:
    if parts.netloc.endswith(":"):
        raise BadSetting("The port after : is missing.")
    return parts.port


def _port(in_address: int | None, in_field: int | None, is_https: bool) -> int:
    chosen = None if in_field == HTTP_PORT else in_field  # 80 stands in the field untouched
    if in_address is not None and chosen is not None and in_address != chosen:
        raise BadSetting(f"The address says port {in_address} and the port field {chosen}.")
    port = in_address or chosen or (HTTPS_PORT if is_https else HTTP_PORT)
    if not 1 <= port <= 65535 or in_address == 0:
        raise BadSetting("The port must be from 1 to 65535.")
    return port


def _host(text: str) -> str:
    try:
        return _reachable(ip_address(text))
    except ValueError:
        return _domain(text)


def _reachable(address: Address) -> str:
    embedded = embedded_ipv4(address)
    for candidate in [address] if embedded is None else [address, embedded]:
        reason = unreachable_reason(candidate)
        if reason:
            raise BadSetting(f"{address} cannot be used: {reason}.")
    is_mapped = address.version == 6 and address in _MAPPED
    return str(embedded if is_mapped else address)


def _domain(text: str) -> str:
    try:
        name = text.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        raise BadSetting(f"“{text[:80]}” is not a domain name.") from None
    labels = name.split(".")
    if len(name) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadSetting(f"“{text[:80]}” is neither an IP address nor a domain name.")
    if _NUMBER.fullmatch(labels[-1]):
        raise BadSetting(f"“{text[:80]}” is not an IP address: it needs four numbers up to 255.")
    if any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES):
        raise BadSetting(f"“{name}” is known on a local network or machine only.")
    if len(labels) == 1:
        raise BadSetting(f"“{name}” is not a full domain name, such as recorder.example.com.")
    return name


# --- What it will do ------------------------------------------------------------------------------

NAMES = {
    "manual_nat": "Manual NAT",
    "lan": "LAN Smart Forwarding",
    "p2p": "Peer-to-Peer",
    "relay": "Relay",
}


def unreachable_warning(enabled: frozenset[str], supported: frozenset[str]) -> str | None:
    """Why nobody will get a picture with these settings; None when somebody will."""
    if not enabled:
        return (
            "Every method is switched off: nobody can watch live or recorded video of this "
            "recorder through the portal."
        )
    if supported and not enabled & supported:
        names = _listed(sorted(NAMES[path] for path in supported if path in NAMES))
        return (
            f"The recorder offers {names} only, which is switched off: nobody can watch its video "
            "through the portal."
        )
    return None


def outlook(enabled: frozenset[str], supported: frozenset[str]) -> str:
    """What the next viewer will experience, in a few sentences."""
    warning = unreachable_warning(enabled, supported)
    if warning:
        return warning
    usable = [name for path, name in NAMES.items() if path in enabled and path in supported]
    waiting = [name for path, name in NAMES.items() if path in enabled and path not in supported]
    if not supported:
        return "The recorder has not said yet which methods its version offers."
    sentences = [
        f"The next viewer gets the picture through {_listed(usable)}."
        if len(usable) == 1
        else f"The next viewer gets the picture through the best that works: {_listed(usable)}.",
        "" if NAMES["relay"] in usable else "Where none of it works, there is no picture.",
        f"The recorder does not offer {_listed(waiting)} now." if waiting else "",
    ]
    return " ".join(filter(None, sentences))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
