"""Remote Network Settings over the API: the same checks as the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.views import ApiView
from accounts.audit import Actor
from recorders.api.recorder_side_shapes import NetworkShape
from recorders.doors import configurable_recorder
from recorders.forms.network import offered_regions
from recorders.models import Recorder
from recorders.network_settings import (
    BadSetting,
    ManualNat,
    NetworkChoice,
    parse_manual_nat,
    parse_ranges,
    unreachable_warning,
)
from recorders.services.network import change_settings, settings_body


class NetworkChangeShape(NetworkShape):
    confirm_unreachable = serializers.BooleanField(
        default=False, help_text="Needed when nobody could watch the recorder with the settings"
    )


class NetworkView(ApiView):
    """Remote Network Settings: read, replace. For people who configure the recorder."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "configure", "PUT": "configure"}

    @extend_schema(responses={200: NetworkShape})
    def get(self, request: Request, recorder_id: UUID) -> Response:
        recorder = configurable_recorder(request, recorder_id)
        return Response(settings_body(recorder.network))

    @extend_schema(request=NetworkChangeShape, responses={200: NetworkShape})
    def put(self, request: Request, recorder_id: UUID) -> Response:
        recorder = configurable_recorder(request, recorder_id)
        wanted = checked(NetworkChangeShape, request)
        choice = _choice(wanted, recorder)
        _check_reachable(choice, recorder, wanted["confirm_unreachable"])
        return Response(settings_body(change_settings(recorder, choice, Actor.of(request))))


def _choice(values: dict[str, Any], recorder: Recorder) -> NetworkChoice:  # Any: checked JSON
    return NetworkChoice(
        is_lan_enabled=values["lan"]["enabled"],
        lan_ranges=_ranges(values["lan"]["ranges"]),
        is_manual_nat_enabled=values["manual_nat"]["enabled"],
        manual_nat=_manual_nat(values["manual_nat"]),
        is_p2p_enabled=values["p2p"]["enabled"],
        is_relay_enabled=values["relay"]["enabled"],
        relay_region=_region(values["relay"]["region"], recorder),
    )


def _ranges(entries: list[str]) -> list[str]:
    try:
        return parse_ranges("\n".join(entries))
    except BadSetting as error:
        raise _invalid("lan", "ranges", *error.problems) from None


def _manual_nat(values: dict[str, Any]) -> ManualNat | None:  # Any: checked JSON
    address = values["address"]
    if not address and not values["enabled"]:
        return None
    if values["https"] and address and "://" not in address:
        address = f"https://[{address}]" if address.count(":") > 1 else f"https://{address}"
    try:
        return parse_manual_nat(address, values["port"])
    except BadSetting as error:
        raise _invalid("manual_nat", "address", *error.problems) from None


def _region(region: str, recorder: Recorder) -> str:
    offered = offered_regions(recorder.network)
    if region not in offered:
        raise _invalid("relay", "region", f"Must be one of {', '.join(offered)}.")
    return region


def _check_reachable(choice: NetworkChoice, recorder: Recorder, is_confirmed: bool) -> None:
    warning = unreachable_warning(choice.enabled_paths, frozenset(recorder.capabilities))
    if warning and not is_confirmed:
        raise serializers.ValidationError({"confirm_unreachable": [warning]})


def _invalid(section: str, field: str, *sentences: str) -> serializers.ValidationError:
    return serializers.ValidationError({section: {field: list(sentences)}})
