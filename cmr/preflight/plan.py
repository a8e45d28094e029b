"""Which tests a preflight has, in the whitelist's own order, and which may run together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from cmr.connector import Outgoing
from cmr.preflight import host, relay, udp
from cmr.preflight.check import Check, Verdict
from cmr.preflight.facts import Facts
from cmr.preflight.host import Target
from cmr.preflight.relay import Node

MAX_CLOCK_ERROR_S = 2.0  # below it nobody notices
HOST_S, RELAY_S, UDP_S, UPLOAD_S = 14.0, 9.0, 21.0, 7.0  # three stages, 40 s at worst

REQUIRED, RELAY, PEER, OPTIONAL, MACHINE = (
    "Required hosts",
    "Relayed video",
    "Peer-to-peer",
    "Optional hosts",
    "This machine",
)
GROUPS = (REQUIRED, RELAY, PEER, OPTIONAL, MACHINE)

Test = Callable[[], Awaitable[Verdict]]
Stage = Sequence[Check]


def stages(facts: Facts, outgoing: Outgoing) -> list[Stage]:
    """Hosts and clock first, then what the relay lets through, the rate when all is quiet."""
    tcp = [target for target in facts.targets if target.protocol == "tcp"]
    first = [
        *_hosts([target for target in tcp if target.is_required], outgoing, REQUIRED),
        *_hosts([target for target in tcp if not target.is_required], outgoing, OPTIONAL),
        Check("clock", MACHINE, "Clock", partial(_clock, facts.clock_offset_s)),
        Check(
            "udp",
            PEER,
            "STUN and NAT (UDP)",
            partial(udp.nat, facts.stun),
            is_required=False,
            limit_s=UDP_S,
        ),
    ]
    second = [check for node in facts.nodes for check in _relay(node, outgoing)]
    third = [
        Check(
            "upload",
            MACHINE,
            "Upload rate",
            partial(relay.upload, outgoing, node),
            is_required=False,
            limit_s=UPLOAD_S,
        )
        for node in facts.nodes[:1]
    ]
    return [stage for stage in (first, second, third) if stage]


def _hosts(targets: Sequence[Target], outgoing: Outgoing, group: str) -> list[Check]:
    checks = []
    for target in targets:
        name = f"{target.host} port {target.port}: {target.purpose}"
        checks.append(
            Check(
                f"host.{target.host}.{target.port}",
                group,
                name,
                partial(_host, target, outgoing),
                is_required=target.is_required,
                limit_s=HOST_S,
            )
        )
    return checks


async def _host(target: Target, outgoing: Outgoing) -> Verdict:
    """A proxy looks names up by itself, so this machine need not be able to."""
    if outgoing.proxy is None:
        found = await host.look_up(target.host)
        if found.advice:
            return found
    return await host.connect(target, outgoing)


def _relay(node: Node, outgoing: Outgoing) -> list[Check]:
    tests: list[tuple[str, str, Callable[[Outgoing, Node], Awaitable[Verdict]], bool]] = [
        ("message_http", "Content-Type message/http", relay.message_http, True),
        ("streaming", "Uploads that go on", relay.streaming, True),
        ("web_socket", "WebSocket", relay.web_socket, False),
    ]
    return [
        Check(
            f"relay.{name}.{node.url}",
            RELAY,
            f"{title} at {node.url.partition('://')[2]}",
            partial(test, outgoing, node),
            is_required=is_required,
            limit_s=RELAY_S,
        )
        for name, title, test, is_required in tests
    ]


async def _clock(offset_s: float | None) -> Verdict:
    if offset_s is None:
        return Verdict.skipped("compared once the portal knows this recorder and answers")
    side = "ahead of" if offset_s > 0 else "behind"
    detail = f"{abs(offset_s):.1f} s {side} the portal's"
    if abs(offset_s) <= MAX_CLOCK_ERROR_S:
        return Verdict.passed(detail)
    return Verdict.warned(detail, "Let this machine set its clock by NTP (UDP 123).")
