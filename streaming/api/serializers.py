"""Shapes of the session API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from streaming.broker.facts import PATHS, WANTED
from streaming.manual_nat.probe import Outcome
from streaming.services import Session


class OpenSessionSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    path = serializers.ChoiceField(choices=WANTED, default="auto")


class RenewSessionSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField(max_length=64)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    renew_after_s = serializers.IntegerField()


class IceServerSerializer(serializers.Serializer[Any]):
    urls = serializers.ListField(child=serializers.CharField())


class OfferSerializer(serializers.Serializer[Any]):
    """`sealed_socket`: whoever answers proves to be `host_id` with `host_key` before it is told
    anything. `data_channel`: arranged by `POST /v1/p2p` over the control session."""

    path = serializers.ChoiceField(choices=PATHS)
    via = serializers.ChoiceField(choices=("relay_socket", "sealed_socket", "data_channel"))
    url = serializers.CharField(allow_null=True, help_text="The first of `urls`")
    urls = serializers.ListField(child=serializers.CharField())
    deadline_s = serializers.IntegerField()
    reason = serializers.CharField()
    host_id = serializers.CharField(allow_null=True)
    host_key = serializers.DictField(
        child=serializers.CharField(), allow_null=True, help_text="JWK (RFC 8037)"
    )
    ice_servers = IceServerSerializer(many=True, allow_null=True)


class RefusalSerializer(serializers.Serializer[Any]):
    path = serializers.ChoiceField(choices=PATHS)
    code = serializers.CharField()
    detail = serializers.CharField()


class SessionCameraSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    name = serializers.CharField()
    rights = serializers.ListField(child=serializers.CharField())


class SessionSerializer(TokenSerializer):
    session_id = serializers.CharField()
    recorder_id = serializers.UUIDField()
    offers = OfferSerializer(many=True)
    not_offered = RefusalSerializer(many=True)
    control = OfferSerializer(
        allow_null=True, help_text="For signals, also where the relay may carry no video"
    )
    cameras = SessionCameraSerializer(many=True)


class NetworkTestSerializer(serializers.Serializer[Any]):
    """Without an address, what the settings say is tested."""

    address = serializers.CharField(
        max_length=300, required=False, allow_blank=True, help_text="Address, domain, or https://…"
    )
    port = serializers.IntegerField(
        min_value=1, max_value=65535, allow_null=True, default=None, help_text="80, or 443"
    )


class NetworkTestResultSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])
    detail = serializers.CharField()
    hints = serializers.ListField(child=serializers.CharField())


def session_body(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "recorder_id": session.recorder.pk,
        "token": session.token.text,
        "expires_at": session.token.expires_at,
        "renew_after_s": session.token.renew_after_s,
        "offers": session.plan.offers,
        "not_offered": session.plan.refusals,
        "control": session.plan.control,
        "cameras": [
            {"id": camera.pk, "number": camera.number, "name": camera.name, "rights": sorted(held)}
            for camera, held in session.cameras.items()
        ],
    }
