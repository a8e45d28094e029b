"""What a network or mail administrator must let through for a recorder (requirements F1, F2).

Pure: host names are arguments. Node names carry their region in one label (`r1.us-west.<relay>`),
so `*.us-west.<relay>` covers them; `*.*.<relay>` is listed beside it for filters that take it.
"""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

HTTP_PORT = 80
_LINE_LENGTH = 76  # what mail programs show without breaking
_WEB = ("TCP 443",)
_RELAY = ("TCP 443", "TCP 80")


@dataclass(frozen=True)
class Hosts:
    """The names of an installation."""

    portal: str
    api: str = ""  # empty here and below: this installation has none
    relay: str = ""
    updates: str = ""
    health: Sequence[str] = ()
    relay_nodes: Sequence[tuple[str, int]] = ()  # host and port where they are not below `relay`
    portal_port: int = 443
    is_portal_https: bool = True
    is_relay_inside: bool = False  # the portal is the relay
    stun: Sequence[tuple[str, int]] = ()  # host and port of each STUN server recorders are told


@dataclass(frozen=True)
class Row:
    host: str
    ports: tuple[str, ...]
    purpose: str
    is_required: bool
    note: str = ""

    @property
    def ports_text(self) -> str:
        return ", ".join(self.ports)


@dataclass(frozen=True)
class Target:
    """A host and port that a recorder can try; `protocol` is tcp or udp."""

    host: str
    port: int
    protocol: str
    purpose: str
    is_required: bool
    is_tls: bool


@dataclass(frozen=True)
class Advice:
    title: str
    text: str


@dataclass(frozen=True)
class Whitelist:
    """All of it, for one recorder."""

    region: str
    rows: Sequence[Row]
    advice: Sequence[Advice]
    senders: Sequence[str]

    @property
    def required(self) -> list[Row]:
        return [row for row in self.rows if row.is_required]

    @property
    def optional(self) -> list[Row]:
        return [row for row in self.rows if not row.is_required]


def whitelist(hosts: Hosts, region: str) -> Whitelist:
    rows = [*_required(hosts, region), *_optional(hosts)]
    senders = [f"*@{domain}" for domain in dict.fromkeys((hosts.portal, hosts.api)) if domain]
    return Whitelist(region, rows, _advice(hosts, region), senders)


def targets(hosts: Hosts, region: str, relay_urls: Sequence[str]) -> list[Target]:
    """What a preflight tries: the rows that name one host, and the relay nodes behind wildcards."""
    rows = [*_required(hosts, region), *_optional(hosts)]
    named = [(row, port) for row in rows if "*" not in row.host for port in row.ports]
    found = [_target(row, port, hosts) for row, port in named]
    known = {(target.host, target.port) for target in found}
    nodes = [_node(url) for url in relay_urls]
    return found + [node for node in nodes if (node.host, node.port) not in known]


def _target(row: Row, port: str, hosts: Hosts) -> Target:
    protocol, _, text = port.lower().partition(" ")
    number = int(text)
    is_plain_portal = (row.host, number) == (hosts.portal, hosts.portal_port)
    is_plain = number == HTTP_PORT or (is_plain_portal and not hosts.is_portal_https)
    is_tls = protocol == "tcp" and not is_plain
    return Target(row.host, number, protocol, row.purpose, row.is_required, is_tls)


def _node(url: str) -> Target:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else HTTP_PORT)
    return Target(parts.hostname or "", port, "tcp", "Relay node", True, is_tls)


def _required(hosts: Hosts, region: str) -> list[Row]:
    rows = _relay_names(hosts.relay, region) if hosts.relay else []
    rows += [Row(host, (f"TCP {port}",), "Relay node", True) for host, port in hosts.relay_nodes]
    rows.append(_portal(hosts))
    if hosts.api:
        rows.append(Row(hosts.api, _WEB, "API services and branding", True))
    return rows


def _portal(hosts: Hosts) -> Row:
    own_port = f"TCP {hosts.portal_port}"
    if hosts.is_relay_inside:
        purpose = "Portal and relay: sign-in, registration, heartbeat, video"
        return Row(hosts.portal, (own_port,), purpose, True)
    ports = tuple(dict.fromkeys((*_WEB, own_port)))
    return Row(hosts.portal, ports, "Portal: sign-in, registration and heartbeat", True)


def _relay_names(relay: str, region: str) -> list[Row]:
    return [
        Row(f"*.{region}.{relay}", _RELAY, f"Relay nodes of the region {region}", True),
        Row(f"*.{relay}", _RELAY, "Relay service", True),
        Row(
            f"*.*.{relay}",
            _RELAY,
            "New relay services as they become available",
            True,
            f"Some filters refuse two wildcards; there, the line *.{region}.{relay} covers every "
            "node of this recorder's region.",
        ),
    ]


def _optional(hosts: Hosts) -> list[Row]:
    updates = [hosts.updates] if hosts.updates else []
    return [
        *[
            Row(host, ports, "Peer-to-peer connections, which improve performance", False)
            for host, ports in _stun(hosts).items()
        ],
        *[Row(host, _WEB, "Updates of the recorder", False) for host in updates],
        *[Row(host, _WEB, "Health reports", False) for host in hosts.health],
    ]


def _stun(hosts: Hosts) -> dict[str, tuple[str, ...]]:
    """Each server once with all its ports: two of them tell how a NAT behaves."""
    names = dict.fromkeys(host for host, _ in hosts.stun)
    return {
        name: tuple(f"UDP {port}" for host, port in hosts.stun if host == name) for name in names
    }


def _advice(hosts: Hosts, region: str) -> list[Advice]:
    relay = f"*.{region}.{hosts.relay}" if hosts.relay else hosts.portal
    return [
        Advice(
            "Outgoing only",
            "The recorder opens every connection itself. Nothing has to be forwarded or opened "
            "for incoming traffic.",
        ),
        Advice(
            "Names, not addresses",
            "Allow the names above rather than the IP addresses they lead to: addresses change "
            "without notice.",
        ),
        Advice(
            "Filters that use reverse DNS",
            "The addresses resolve back to the cloud provider's name, not to ours. Put the "
            "recorder into an exclusion range that is not filtered by reverse DNS.",
        ),
        Advice(
            "Content-Type message/http",
            f"Video through the relay travels as message/http: an HTTP response inside a POST "
            f"from the recorder to {relay}. A filter that looks at content types "
            "must allow message/http.",
        ),
        Advice(
            "Cisco IronPort",
            "It may need a Cisco Data Security policy that lets POST traffic through. The "
            "symptom: live video stays black when it comes through the relay.",
        ),
    ]


def as_text(found: Whitelist) -> str:
    """The list as plain text, for a mail or a ticket."""
    sections = [
        ("REQUIRED", _lines(found.required)),
        *([("OPTIONAL", _lines(found.optional))] if found.optional else []),
        ("SENDERS OF E-MAIL TO ACCEPT", [f"  {sender}" for sender in found.senders]),
        ("GOOD TO KNOW", [_indented(f"{item.title}: {item.text}", 2) for item in found.advice]),
    ]
    return "\n\n".join("\n".join((title, *lines)) for title, lines in sections) + "\n"


def _lines(rows: Sequence[Row]) -> list[str]:
    hosts = max(len(row.host) for row in rows) + 2
    ports = max(len(row.ports_text) for row in rows) + 2
    lines = []
    for row in rows:
        lines.append(f"  {row.host:<{hosts}}{row.ports_text:<{ports}}{row.purpose}")
        lines += [_indented(row.note, 4)] if row.note else []
    return lines


def _indented(text: str, depth: int) -> str:
    margin = " " * depth
    return textwrap.fill(
        text, _LINE_LENGTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )


def as_csv(found: Whitelist) -> str:
    """RFC 4180, one row per host and port, so that a firewall's import can take it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("host", "protocol", "port", "required", "purpose"))
    for row in found.rows:
        for port in row.ports:
            protocol, _, number = port.partition(" ")
            needed = "required" if row.is_required else "optional"
            writer.writerow((row.host, protocol, number, needed, row.purpose))
    return out.getvalue()
