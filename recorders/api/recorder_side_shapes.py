"""Shapes of the recorder's requests and answers, for the API's description. What recorders send is
parsed by `recorders.reports`, which is stricter than a schema can say."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from recorders import reports
from recorders.connection_reports import MAX_TEXT

Shape = serializers.Serializer[Any]  # Any: DRF's own generic


class ApplicationShape(Shape):
    code = serializers.CharField(max_length=reports.MAX_CODE)
    public_key = serializers.JSONField(
        help_text="JWK (RFC 8037); the token's issuer is its thumbprint"
    )
    model = serializers.CharField(max_length=reports.MAX_MODEL)
    version = serializers.CharField(max_length=reports.MAX_VERSION)
    name = serializers.CharField(max_length=reports.MAX_NAME, required=False)


class EnrolledShape(Shape):
    recorder_id = serializers.UUIDField()
    name = serializers.CharField()
    organisation = serializers.CharField()
    portal_url = serializers.URLField()
    jwks = serializers.JSONField()
    heartbeat_s = serializers.IntegerField()


class ProfileShape(Shape):
    state = serializers.CharField(max_length=30)
    codec = serializers.CharField(max_length=40, allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    fps = serializers.FloatField(allow_null=True)
    kbps = serializers.IntegerField(allow_null=True)


class CameraReportShape(Shape):
    number = serializers.IntegerField(min_value=1, max_value=9999)
    name = serializers.CharField(max_length=reports.MAX_NAME)
    state = serializers.CharField(max_length=30)
    detail = serializers.CharField(max_length=reports.MAX_DETAIL, required=False)
    profiles = serializers.DictField(child=ProfileShape())
    recorded_from = serializers.DateTimeField(allow_null=True)
    recorded_to = serializers.DateTimeField(allow_null=True)


class StorageShape(Shape):
    used_bytes = serializers.IntegerField()
    capacity_bytes = serializers.IntegerField()
    oldest = serializers.DateTimeField(allow_null=True)


class WebShape(Shape):
    http_port = serializers.IntegerField(allow_null=True)
    https_port = serializers.IntegerField(allow_null=True)


class NatShape(Shape):
    mapping = serializers.CharField(max_length=30, help_text="RFC 5780, or blocked, no_nat")
    filtering = serializers.CharField(max_length=30)
    external = serializers.CharField(allow_null=True, required=False)
    hairpin = serializers.BooleanField(allow_null=True, required=False)
    checked_at = serializers.DateTimeField(allow_null=True, required=False)
    detail = serializers.CharField(max_length=MAX_TEXT, required=False)


class ProxyShape(Shape):
    scheme = serializers.CharField(max_length=30, help_text="none, null, basic, digest")
    via = serializers.CharField(allow_null=True, required=False)
    detail = serializers.CharField(max_length=MAX_TEXT, required=False)


class RelayTransportShape(Shape):
    name = serializers.CharField(max_length=30, help_text="stream, socket, segments, none")
    sealed = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=MAX_TEXT, required=False)


class HeartbeatShape(Shape):
    version = serializers.CharField(max_length=reports.MAX_VERSION)
    model = serializers.CharField(max_length=reports.MAX_MODEL)
    time = serializers.DateTimeField()
    local_addresses = serializers.ListField(child=serializers.IPAddressField())
    web = WebShape(required=False)
    nat = NatShape(required=False)
    proxy = ProxyShape(required=False)
    relay_transport = RelayTransportShape(required=False)
    capabilities = serializers.ListField(child=serializers.CharField())
    cameras = CameraReportShape(many=True)
    storage = StorageShape(required=False)


class RelayShape(Shape):
    region = serializers.CharField()
    urls = serializers.ListField(child=serializers.URLField())
    keys = serializers.DictField(
        child=serializers.JSONField(), help_text="JWK of the node at an http:// address"
    )
    expires_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "pass": serializers.CharField()}  # a word of Python's


class LanShape(Shape):
    enabled = serializers.BooleanField()
    ranges = serializers.ListField(child=serializers.CharField(max_length=100))


class ManualNatShape(Shape):
    enabled = serializers.BooleanField()
    address = serializers.CharField(max_length=255, allow_blank=True)
    port = serializers.IntegerField(min_value=1, max_value=65535)
    https = serializers.BooleanField()


class PeerToPeerShape(Shape):
    enabled = serializers.BooleanField()


class RelaySettingsShape(Shape):
    enabled = serializers.BooleanField()
    region = serializers.CharField(max_length=40)


class NetworkShape(Shape):
    lan = LanShape()
    manual_nat = ManualNatShape()
    p2p = PeerToPeerShape()
    relay = RelaySettingsShape()


class HeartbeatAnswerShape(Shape):
    recorder_id = serializers.UUIDField()
    name = serializers.CharField()
    jwks = serializers.JSONField()
    heartbeat_s = serializers.IntegerField()
    relay = RelayShape()
    http_url = serializers.URLField(
        allow_null=True, help_text="the portal's plain address, for sealed requests"
    )
    clock_offset_s = serializers.FloatField()
    settings = NetworkShape()
    access_version = serializers.CharField(
        allow_null=True, help_text="of the on-site list; null: nobody may sign in on site"
    )
    stun = serializers.ListField(child=serializers.CharField(), help_text="host:port")


class TargetShape(Shape):
    host = serializers.CharField()
    port = serializers.IntegerField()
    protocol = serializers.ChoiceField(["tcp", "udp"])
    purpose = serializers.CharField()
    tls = serializers.BooleanField(help_text="the port speaks TLS")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "required": serializers.BooleanField()}


class PreflightFactsShape(Shape):
    time = serializers.DateTimeField()
    hosts = TargetShape(many=True)
    relay = RelayShape()
    stun = serializers.ListField(child=serializers.CharField(), help_text="host:port")
