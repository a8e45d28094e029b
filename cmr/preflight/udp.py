"""Whether UDP leaves the site, and how its NAT behaves: what peer-to-peer video needs."""

from __future__ import annotations

from collections.abc import Sequence

from cmr.nat import ADDRESS_AND_PORT_DEPENDENT, ADDRESS_DEPENDENT, BLOCKED, UNKNOWN
from cmr.nat_probe import discover
from cmr.preflight.check import Verdict

_SYMMETRIC = {ADDRESS_DEPENDENT, ADDRESS_AND_PORT_DEPENDENT}


async def nat(stun: Sequence[str] | None) -> Verdict:
    """`stun`: `host:port` of each server of the installation; None: not known yet."""
    if stun is None:
        return Verdict.skipped("tested once the portal knows this recorder and names its servers")
    if not stun:
        return Verdict.skipped("this installation has no STUN server")
    report = (await discover(stun)).report
    seen = f" Seen from outside as {report.external}." if report.external else ""
    detail = report.words + seen
    if report.mapping == BLOCKED:
        servers = ", ".join(stun)
        advice = f"Allow outgoing UDP to {servers}, and UDP in general; without it the relay works."
        return Verdict.failed(detail, advice)
    if report.mapping in _SYMMETRIC:
        advice = "Peer-to-peer works only with viewers whose NAT keeps its ports; else the relay."
        return Verdict.warned(detail, advice)
    return Verdict.skipped(detail) if report.mapping == UNKNOWN else Verdict.passed(detail)
