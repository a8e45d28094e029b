"""Shapes of grants in the API, and what they mean."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.circumstances import CLIENTS
from protocol.tokens import RIGHTS
from recorders.grants import OFFERED
from recorders.grants.values import GrantValue, Limits, Scope, value_of
from recorders.models import Grant

MAX_GRANTS = 10_000


class SpanField(serializers.ListField):
    """[first minute, end minute] of the week, from Monday 00:00."""

    child = serializers.IntegerField(min_value=0)

    def __init__(self, **kwargs: Any) -> None:  # DRF's signature
        super().__init__(min_length=2, max_length=2, **kwargs)


class GrantSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """Rights at a location, on a recorder, on a camera, or on everything when none is named; each
    limit that is set must hold."""

    rights = serializers.ListField(
        child=serializers.ChoiceField(choices=OFFERED), min_length=1, max_length=len(OFFERED)
    )
    location = serializers.UUIDField(allow_null=True, default=None)
    recorder = serializers.UUIDField(allow_null=True, default=None)
    camera = serializers.UUIDField(allow_null=True, default=None)
    holds_from = serializers.DateTimeField(allow_null=True, default=None)
    holds_until = serializers.DateTimeField(allow_null=True, default=None)
    hours = serializers.ListField(
        child=SpanField(),
        default=list,
        help_text="Spans of minutes of the week from Monday 00:00 in the organisation's zone",
    )
    clients = serializers.ListField(child=serializers.ChoiceField(choices=CLIENTS), default=list)
    addresses = serializers.ListField(
        child=serializers.CharField(max_length=50), default=list, help_text="Ranges (CIDR)"
    )
    footage_from = serializers.DateTimeField(allow_null=True, default=None)
    footage_to = serializers.DateTimeField(allow_null=True, default=None)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class NumberedGrantSerializer(GrantSerializer):
    """What was read can be sent back: a grant that stays as it is keeps its id."""

    id = serializers.IntegerField(required=False, help_text="Not looked at in what is sent")


class GrantsSerializer(serializers.Serializer[Any]):
    grants = serializers.ListField(child=NumberedGrantSerializer(), max_length=MAX_GRANTS)


def meant(grant: dict[str, Any]) -> GrantValue:  # validated JSON values
    limits = Limits(
        holds_from=grant["holds_from"],
        holds_until=grant["holds_until"],
        hours=tuple((start, end) for start, end in grant["hours"]),
        clients=tuple(grant["clients"]),
        addresses=tuple(grant["addresses"]),
        footage_from=grant["footage_from"],
        footage_to=grant["footage_to"],
    )
    scope = Scope(grant["location"], grant["recorder"], grant["camera"])
    return GrantValue(scope, frozenset(grant["rights"]), limits, grant["reason"])


def body_of(grant: Grant) -> dict[str, Any]:
    """As `NumberedGrantSerializer` has it."""
    value = value_of(grant)
    return {
        **vars(value.limits),
        "id": grant.pk,
        "rights": [right for right in RIGHTS if right in value.rights],
        "location": value.scope.location_id,
        "recorder": value.scope.recorder_id,
        "camera": value.scope.camera_id,
        "reason": value.reason,
    }
