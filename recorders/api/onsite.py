"""A recorder fetches its on-site list (docs/design/access.md, section 5)."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import ApiView
from recorders.api.authentication import (
    IsRecorder,
    RecorderTokenAuthentication,
    calling_recorder,
)
from recorders.api.recorder_side_shapes import Shape
from recorders.services.bundle import signed_bundle


class BundleShape(Shape):
    bundle = serializers.CharField(
        allow_null=True,
        help_text="a signed JWT (`bundle+jwt`); null: nobody may sign in without the portal",
    )


class BundleView(ApiView):
    """GET: who may sign in at the calling recorder while the portal is away."""

    authentication_classes = (RecorderTokenAuthentication,)
    permission_classes = (IsRecorder,)

    @extend_schema(responses={200: BundleShape})
    def get(self, request: Request) -> Response:
        return Response({"bundle": signed_bundle(calling_recorder(request), timezone.now())})
