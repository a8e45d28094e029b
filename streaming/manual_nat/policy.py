"""Where the portal lets itself be sent by a test of Manual NAT (L10). Pure.

Whoever configures a recorder may name any address, so the portal goes to the open Internet alone: a
test must not tell anybody what is inside the portal's own network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from accounts.outgoing.addresses import Address, embedded_ipv4, is_public, unreachable_reason

Endpoint = tuple[Address, int]


@dataclass(frozen=True)
class Policy:
    """`portal` are the addresses and ports of the portal and its relays, as everybody sees them;
    `is_own_machine` tells whether an address belongs to this very machine."""

    is_private_allowed: bool = False  # a laboratory's choice
    portal: Collection[Endpoint] = ()


def refusal(
    addresses: Sequence[Address], port: int, policy: Policy, own: Collection[Address] = ()
) -> str | None:
    """Why the portal does not go to any of these, or None. One bad address spoils the name: names
    that lead to several places are how tests are turned inwards (DNS rebinding)."""
    for address in addresses:
        reason = _reason(address, port, policy, own)
        if reason:
            return reason
    return None


def _reason(address: Address, port: int, policy: Policy, own: Collection[Address]) -> str | None:
    embedded = embedded_ipv4(address)
    for candidate in [address] if embedded is None else [address, embedded]:
        if reason := unreachable_reason(candidate):
            return reason
        if (candidate, port) in policy.portal:
            return "it is the portal itself"
        if not policy.is_private_allowed and not is_public(candidate):
            return "it is a private or reserved address, which the portal does not reach into"
        if not policy.is_private_allowed and candidate in own:
            return "it is the portal's own machine"
    return None
