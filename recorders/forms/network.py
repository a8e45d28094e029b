"""The form of Remote Network Settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.conf import settings
from django.http import QueryDict

from recorders.models import Recorder, RemoteNetworkSettings
from recorders.network_settings import (
    BadSetting,
    ManualNat,
    NetworkChoice,
    parse_manual_nat,
    parse_ranges,
    unreachable_warning,
)

T = TypeVar("T")


def _switch(label: str) -> forms.BooleanField:
    return forms.BooleanField(
        required=False, label=label, widget=forms.CheckboxInput({"class": "switch"})
    )


class NetworkForm(forms.Form):
    lan = _switch("Use LAN Smart Forwarding")
    lan_ranges = forms.CharField(
        required=False,
        label="IP ranges of the same network",
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        help_text="One per line: 10.1.0.0/16, 192.168.4.10-192.168.4.90 or a single address. "
        "At most 100.",
    )
    manual_nat = _switch("Use Manual NAT")
    manual_nat_address = forms.CharField(
        required=False,
        max_length=300,
        label="Address or domain",
        widget=forms.TextInput({"inputmode": "url", "spellcheck": "false", "autocomplete": "off"}),
        help_text="Needed when Manual NAT is on. Begin with https:// when the forwarded port "
        "speaks HTTPS.",
    )
    manual_nat_port = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=65535,
        label="Port",
        help_text="80 unless you change it; 443 with https://.",
    )
    p2p = _switch("Use Peer-to-Peer")
    relay = _switch("Use the Relay")
    relay_region = forms.ChoiceField(label="Region")
    confirm_unreachable = forms.BooleanField(
        required=False, label="Save anyway: nobody shall watch this recorder through the portal"
    )

    def __init__(self, data: QueryDict | None, recorder: Recorder) -> None:
        super().__init__(data, initial=_initial(recorder.network))
        self.supported = frozenset(recorder.capabilities)
        self.warning: str | None = None
        self.fields["relay_region"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (region, region) for region in offered_regions(recorder.network)
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["ranges"] = self._checked("lan_ranges", parse_ranges, cleaned.get("lan_ranges", ""))
        if cleaned.get("manual_nat") or cleaned.get("manual_nat_address"):
            cleaned["nat"] = self._checked("manual_nat_address", self._nat, cleaned)
        if not self.errors:
            self._warn_unless_confirmed(cleaned)
        return cleaned

    def choice(self) -> NetworkChoice:
        """What a valid form asks for."""
        cleaned = self.cleaned_data
        return NetworkChoice(
            is_lan_enabled=cleaned["lan"],
            lan_ranges=cleaned["ranges"],
            is_manual_nat_enabled=cleaned["manual_nat"],
            manual_nat=cleaned.get("nat"),
            is_p2p_enabled=cleaned["p2p"],
            is_relay_enabled=cleaned["relay"],
            relay_region=cleaned["relay_region"],
        )

    def _nat(self, cleaned: dict[str, Any]) -> ManualNat | None:
        if "manual_nat_port" not in cleaned or "manual_nat_address" not in cleaned:
            return None  # the field says what is wrong already
        return parse_manual_nat(cleaned["manual_nat_address"], cleaned["manual_nat_port"])

    def _checked(self, field: str, parse: Callable[[Any], T], value: Any) -> T | None:
        try:
            return parse(value)
        except BadSetting as error:
            for sentence in error.problems:
                self.add_error(field, sentence)
            return None

    def _warn_unless_confirmed(self, cleaned: dict[str, Any]) -> None:
        paths = ("lan", "manual_nat", "p2p", "relay")
        enabled = frozenset(path for path in paths if cleaned.get(path))
        self.warning = unreachable_warning(enabled, self.supported)
        if self.warning and not cleaned.get("confirm_unreachable"):
            self.add_error("confirm_unreachable", "Tick this if it is what you want.")


def offered_regions(network: RemoteNetworkSettings) -> list[str]:
    """Those of the installation, and the one that is set, should it be gone from there."""
    return list(dict.fromkeys((*settings.CONTERA_RELAY_REGIONS, network.relay_region)))


def _initial(network: RemoteNetworkSettings) -> dict[str, Any]:
    return {
        "lan": network.is_lan_enabled,
        "lan_ranges": "\n".join(network.lan_ranges),
        "manual_nat": network.is_manual_nat_enabled,
        "manual_nat_address": manual_nat_text(network),
        "manual_nat_port": network.manual_nat_port,
        "p2p": network.is_p2p_enabled,
        "relay": network.is_relay_enabled,
        "relay_region": network.relay_region,
    }


def manual_nat_text(network: RemoteNetworkSettings) -> str:
    """The address as it is typed: with https:// where that is set."""
    host = network.manual_nat_address
    if not host or not network.is_manual_nat_https:
        return host
    return f"https://[{host}]" if ":" in host else f"https://{host}"
