"""From what is known about a recorder and a viewer to the ways between them.

Pure: no socket, database or clock. Each path is offered, or refused with a code for programs and a
sentence for people. What is tried costs little; what is not tried is never known to work: so a path
is refused only when it cannot work, and merely doubtful ones are offered with their doubt.
"""

from __future__ import annotations

from collections.abc import Sequence

from streaming.broker.facts import PATHS, WANTED, Facts, Offer, Page, Plan, Refusal
from streaming.broker.nearness import (
    in_url,
    is_same_network,
    is_within,
    local_targets,
    parsed,
)

__all__ = ["PATHS", "WANTED", "Facts", "Offer", "Plan", "Refusal", "offers"]

# How long a viewer tries; nobody waits for it, the relay shows the picture meanwhile.
DEADLINES_S = {"manual_nat": 5, "lan": 2, "p2p": 10, "relay": 10}
_NAMES = {"manual_nat": "Manual NAT", "lan": "LAN", "p2p": "Peer-to-peer", "relay": "the relay"}
SYMMETRIC = frozenset({"address_dependent", "address_and_port_dependent"})  # RFC 5780 mappings


class Impossible(Exception):
    """A path that cannot work: `code`, and the sentence as text."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def offers(facts: Facts) -> Plan:
    """Every path once. Control goes with the offers: without any it would lead nowhere."""
    offered: list[Offer] = []
    refused: list[Refusal] = []
    for path in PATHS:
        try:
            _check(facts, path)
            offered.append(_MAKERS[path](facts))
        except Impossible as reason:
            refused.append(Refusal(path, reason.code, str(reason)))
    control = _relay(facts) if offered and facts.relay_urls else None
    return Plan(offered, refused, control)


def _check(facts: Facts, path: str) -> None:
    """What holds for every path; raises Impossible."""
    if not facts.is_online:
        detail = "The recorder has not been in touch with the portal."
        raise Impossible("recorder_offline", detail)
    if path not in facts.enabled_paths:
        detail = "This method is switched off in Remote Network Settings."
        raise Impossible("switched_off", detail)
    if facts.wanted_path not in ("auto", path):
        raise Impossible("not_wanted", f"You asked for {_NAMES[facts.wanted_path]} only.")
    if path not in facts.capabilities:
        raise Impossible("not_supported", "The recorder does not offer this method now.")


# --- Relay ----------------------------------------------------------------------------------------


def _relay(facts: Facts) -> Offer:
    if not facts.relay_urls:
        raise Impossible("no_relay", "This portal has no relay.")
    return Offer(
        path="relay",
        via="relay_socket",
        urls=[f"{url}/relay/v1/recorders/{facts.recorder_id}/session" for url in facts.relay_urls],
        deadline_s=DEADLINES_S["relay"],
        reason="The recorder is linked to the relay; this works from every network.",
    )


# --- Manual NAT -----------------------------------------------------------------------------------


def _manual_nat(facts: Facts) -> Offer:
    address = facts.manual_address
    if address is None:
        raise Impossible("not_set", "Remote Network Settings name no address for Manual NAT.")
    if facts.viewer.page is Page.HTTPS and not address.is_https:
        raise Impossible(
            "mixed_content",
            "The page came over https, from where a browser opens no address without https.",
        )
    scheme = "wss" if address.is_https else "ws"
    url = f"{scheme}://{in_url(address.host)}:{address.port}/v1/session"
    reason = "The owner forwards a port to the recorder."
    if _is_behind_one_address(facts):
        reason += (
            " You seem to be in its network yourself, where not every router leads back inside."
        )
    return _sealed(facts, "manual_nat", [url], reason)


# --- LAN ------------------------------------------------------------------------------------------


def _lan(facts: Facts) -> Offer:
    reason = _lan_reason(facts)
    if facts.viewer.page is Page.HTTPS or facts.http_port is None:
        return _lan_channel(facts, reason)
    viewer, recorder = parsed(facts.viewer.address), parsed(facts.external_address)
    hosts = local_targets(viewer, recorder, facts.local_addresses, facts.lan_ranges)
    if not hosts:
        detail = "The recorder has not reported an address of its local network."
        raise Impossible("no_local_address", detail)
    urls = [f"ws://{in_url(host)}:{facts.http_port}/v1/session" for host in hosts]
    return _sealed(facts, "lan", urls, reason)


def _lan_reason(facts: Facts) -> str:
    """Why they count as in one network; raises Impossible."""
    if _is_behind_one_address(facts):
        return "You and the recorder come to the portal from the same address."
    if is_within(parsed(facts.viewer.address), facts.lan_ranges):
        return "Your address is in a range of the recorder's network."
    raise Impossible(
        "other_network",
        "You and the recorder come to the portal from different addresses, and yours is in none "
        "of the ranges of its Remote Network Settings.",
    )


def _lan_channel(facts: Facts, reason: str) -> Offer:
    """The recorder itself tells its addresses, as host candidates, over the control session."""
    if "p2p" in facts.capabilities:
        return _channel(facts, "lan", reason, stun=())
    if facts.http_port is None:
        raise Impossible("not_supported", "The recorder's web port is switched off.")
    raise Impossible(
        "mixed_content",
        "The page came over https, from where a browser opens no local address without https, "
        "and the recorder does not offer data channels now.",
    )


def _is_behind_one_address(facts: Facts) -> bool:
    return is_same_network(parsed(facts.viewer.address), parsed(facts.external_address))


# --- Peer-to-Peer ---------------------------------------------------------------------------------


def _p2p(facts: Facts) -> Offer:
    if not facts.stun:
        raise Impossible("no_stun", "This portal names no STUN server.")
    if facts.nat_mapping == "blocked":
        detail = "The recorder's network blocks UDP: no STUN server answers it."
        raise Impossible("udp_blocked", detail)
    reason = "Video goes straight between you and the recorder where both networks let it."
    if facts.nat_mapping in SYMMETRIC:
        reason = (
            "The recorder's network gives every connection another port (symmetric NAT): this "
            "works only if yours does not do the same."
        )
    return _channel(facts, "p2p", reason, facts.stun)


_MAKERS = {"manual_nat": _manual_nat, "lan": _lan, "p2p": _p2p, "relay": _relay}


def _sealed(facts: Facts, path: str, urls: list[str], reason: str) -> Offer:
    return Offer(
        path=path,
        via="sealed_socket",
        urls=urls,
        deadline_s=DEADLINES_S[path],
        reason=reason,
        host_id=facts.recorder_id,
        host_key=facts.host_key,
    )


def _channel(facts: Facts, path: str, reason: str, stun: Sequence[str]) -> Offer:
    if not facts.relay_urls:
        raise Impossible("no_relay", "Without a relay nothing can arrange the connection.")
    return Offer(
        path=path,
        via="data_channel",
        urls=[],
        deadline_s=DEADLINES_S[path],
        reason=reason,
        ice_servers=[{"urls": [f"stun:{server}" for server in stun]}] if stun else [],
    )
