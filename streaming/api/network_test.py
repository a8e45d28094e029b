"""The test of a Manual NAT address over the API: as the button of Remote Network Settings."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from recorders.doors import configurable_recorder
from recorders.forms.network import manual_nat_text
from streaming.api.serializers import NetworkTestResultSerializer, NetworkTestSerializer
from streaming.manual_nat.service import NotNow, run_test

_STATUS = {"too_many_tests": 429, "try_again": 503}


class NetworkTestView(ApiView):
    """POST: is this recorder reached at its Manual NAT address? Takes up to 5 s."""

    permission_classes = (IsAuthenticated,)
    scopes = {"POST": "configure"}

    @extend_schema(request=NetworkTestSerializer, responses={200: NetworkTestResultSerializer})
    def post(self, request: Request, recorder_id: UUID) -> Response:
        recorder = configurable_recorder(request, recorder_id)
        wanted = checked(NetworkTestSerializer, request)
        address = wanted.get("address")
        port = wanted["port"]
        if address is None:
            network = recorder.network
            address, port = manual_nat_text(network), network.manual_nat_port
        try:
            report = run_test(recorder, address, port, Actor.of(request))
        except NotNow as error:
            raise Problem(_STATUS[error.code], error.code, str(error)) from None
        body = {"code": report.outcome.value, "detail": report.detail, "hints": report.hints}
        return Response(NetworkTestResultSerializer(body).data)
