"""Shapes of the session API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from streaming.broker.offers import PATHS
from streaming.services import Session


class OpenSessionSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    path = serializers.ChoiceField(choices=("auto", *PATHS), default="auto")


class RenewSessionSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField(max_length=64)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    renew_after_s = serializers.IntegerField()


class OfferSerializer(serializers.Serializer[Any]):
    path = serializers.ChoiceField(choices=PATHS)
    url = serializers.CharField()
    deadline_s = serializers.IntegerField()
    reason = serializers.CharField()


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
    cameras = SessionCameraSerializer(many=True)


def session_body(session: Session, renew_after_s: int) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "recorder_id": session.recorder.pk,
        "token": session.token.text,
        "expires_at": session.token.expires_at,
        "renew_after_s": renew_after_s,
        "offers": session.offers,
        "not_offered": session.refusals,
        "cameras": [
            {"id": camera.pk, "number": camera.number, "name": camera.name, "rights": sorted(held)}
            for camera, held in session.cameras.items()
        ],
    }
