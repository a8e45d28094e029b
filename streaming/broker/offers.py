"""From what is known about a recorder to the ways a viewer may reach it.

Pure: no socket, database or clock. Paths in order of preference (requirement C10); each is either
offered, or refused with a code for programs and a sentence for people (C9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PATHS = ("manual_nat", "lan", "p2p", "relay")
RELAY_DEADLINE_S = 10


@dataclass(frozen=True)
class Facts:
    """What the portal knows when a viewer asks: the recorder's link and the owner's settings."""

    recorder_id: str
    is_online: bool
    capabilities: frozenset[str]  # paths the recorder's version can serve
    enabled_paths: frozenset[str]  # what Remote Network Settings allow
    relay_urls: Sequence[str]  # wss:// or ws:// bases of the relay nodes of its region
    wanted_path: str = "auto"


@dataclass(frozen=True)
class Offer:
    path: str
    url: str
    deadline_s: int
    reason: str


@dataclass(frozen=True)
class Refusal:
    path: str
    code: str
    detail: str


def offers(facts: Facts) -> tuple[list[Offer], list[Refusal]]:
    """Every path once: in the first list when it is offered, otherwise in the second."""
    offered: list[Offer] = []
    refused: list[Refusal] = []
    for path in PATHS:
        refusal = _refusal(facts, path)
        if refusal is None:
            offered += [_relay_offer(facts, url) for url in facts.relay_urls]
        else:
            refused.append(Refusal(path, *refusal))
    return offered, refused


def _refusal(facts: Facts, path: str) -> tuple[str, str] | None:
    if not facts.is_online:
        return "recorder_offline", "The recorder has not been in touch with the portal."
    if path not in facts.enabled_paths:
        return "switched_off", "This method is switched off in Remote Network Settings."
    if facts.wanted_path not in ("auto", path):
        return "not_wanted", f"You asked for {facts.wanted_path} only."
    if path not in facts.capabilities:
        return "not_supported", "This version of the recorder does not offer this method."
    return None


def _relay_offer(facts: Facts, url: str) -> Offer:
    return Offer(
        path="relay",
        url=f"{url}/relay/v1/recorders/{facts.recorder_id}/session",
        deadline_s=RELAY_DEADLINE_S,
        reason="The recorder is linked to the relay; this works from every network.",
    )
