"""What a preflight has to test: the portal names the hosts of its installation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from cmr.identity import Identity
from cmr.portal import PortalClient, PortalError, PortalUrl
from cmr.preflight.host import Target
from cmr.preflight.relay import Node
from protocol.times import TICKS_PER_S, parse_time, to_90k
from protocol.tokens import sign_recorder_token

PATH = "/api/v1/recorder/preflight"
MAX_TARGETS, MAX_NODES, MAX_STUN = 32, 3, 4
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Facts:
    """`clock_offset_s`: this machine's clock is so far ahead of the portal's. `stun`, like it, is
    None while the portal has not said."""

    targets: tuple[Target, ...]
    nodes: tuple[Node, ...] = ()
    stun: tuple[str, ...] | None = None
    clock_offset_s: float | None = None
    way: str = ""  # how the portal was reached, in words


async def ask(portal: PortalClient, identity: Identity, now: float, signed_at: int) -> Facts:
    """The portal's own word; raises PortalError. `now` is this machine's clock, `signed_at` the
    portal's as far as it is known, both in Unix seconds."""
    token = sign_recorder_token(identity.signer, signed_at)
    answer = await portal.post(PATH, token, {}, now)
    try:
        return replace(_facts(answer, identity, now), way=portal.way)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        fact = f"{portal.url.text} gave a list of hosts that is not understood: {error!r}"
        raise PortalError("portal_failed", fact) from None


def portal_alone(url: PortalUrl) -> Facts:
    """As much as is known when the portal cannot be asked."""
    is_tls = url.text.startswith("https:")
    return Facts((Target(url.host, _port(url), "tcp", "Portal", is_required=True, is_tls=is_tls),))


def _port(url: PortalUrl) -> int:
    parts = urlsplit(url.text)
    return parts.port or _PORTS[parts.scheme]


def _facts(answer: dict[str, Any], identity: Identity, now: float) -> Facts:  # Any: JSON
    relay = answer["relay"]
    nodes = [
        Node(str(url).rstrip("/"), str(relay["pass"]), identity.recorder_id)
        for url in relay["urls"]
        if str(url).startswith(("https://", "http://"))
    ]
    offset_s = now - to_90k(parse_time(answer["time"])) / TICKS_PER_S
    targets = tuple(_target(row) for row in answer["hosts"][:MAX_TARGETS])
    stun = tuple(str(server) for server in answer["stun"][:MAX_STUN])
    return Facts(targets, tuple(_one_a_host(nodes)[:MAX_NODES]), stun, offset_s)


def _one_a_host(nodes: list[Node]) -> list[Node]:
    """A node is named with each of its addresses, the protected one first."""
    first = {urlsplit(node.url).hostname: node for node in reversed(nodes)}
    return [node for node in nodes if first[urlsplit(node.url).hostname] is node]


def _target(row: dict[str, Any]) -> Target:  # Any: JSON
    protocol = {"tcp": "tcp", "udp": "udp"}[row["protocol"]]
    facts = (str(row["host"])[:253], int(row["port"]), protocol, str(row["purpose"])[:100])
    return Target(*facts, is_required=row["required"] is True, is_tls=row["tls"] is True)
