"""Remote Network Settings of a recorder: made with it, changed by those who configure it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.organisations.outsiders import everybody_at
from recorders.models import Recorder, RemoteNetworkSettings
from recorders.network_settings import HTTP_PORT, NetworkChoice


def create_settings(recorder: Recorder) -> RemoteNetworkSettings:
    """What a new recorder starts with: LAN Smart Forwarding, Peer-to-Peer and Relay are on."""
    return RemoteNetworkSettings.objects.create(
        recorder=recorder, relay_region=settings.CONTERA_RELAY_REGIONS[0]
    )


def settings_body(network: RemoteNetworkSettings) -> dict[str, Any]:  # Any: JSON values
    """The settings as the API and the heartbeat say them."""
    return {
        "lan": {"enabled": network.is_lan_enabled, "ranges": network.lan_ranges},
        "manual_nat": {
            "enabled": network.is_manual_nat_enabled,
            "address": network.manual_nat_address,
            "port": network.manual_nat_port,
            "https": network.is_manual_nat_https,
        },
        "p2p": {"enabled": network.is_p2p_enabled},
        "relay": {"enabled": network.is_relay_enabled, "region": network.relay_region},
    }


def stun_servers() -> list[str]:
    """host:port of the servers that tell recorders and viewers their addresses."""
    return list(settings.CONTERA_STUN_URLS)


def change_settings(
    recorder: Recorder, wanted: NetworkChoice, actor: Actor
) -> RemoteNetworkSettings:
    """Keeps checked settings; the audit trail gets what was and what is."""
    network = recorder.network
    before = settings_body(network)
    _apply(network, wanted)
    after = settings_body(network)
    if before == after:
        return network
    with transaction.atomic():
        network.save()
        record(
            recorder.organisation,
            actor,
            "network.changed",
            recorder,
            recorder=str(recorder.pk),
            before=_changed(before, after),
            after=_changed(after, before),
        )
        announce_change(everybody_at(recorder.organisation))
    return network


def _apply(network: RemoteNetworkSettings, wanted: NetworkChoice) -> None:
    network.is_lan_enabled = wanted.is_lan_enabled
    network.lan_ranges = wanted.lan_ranges
    network.is_manual_nat_enabled = wanted.is_manual_nat_enabled
    nat = wanted.manual_nat
    network.manual_nat_address = nat.host if nat else ""
    network.manual_nat_port = nat.port if nat else HTTP_PORT
    network.is_manual_nat_https = nat.is_https if nat else False
    network.is_p2p_enabled = wanted.is_p2p_enabled
    network.is_relay_enabled = wanted.is_relay_enabled
    network.relay_region = wanted.relay_region


def _changed(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:  # Any: JSON values
    return {method: facts for method, facts in one.items() if facts != other[method]}
