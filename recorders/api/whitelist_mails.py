"""Whitelist mails over the API."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.problems import Problem
from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.api.shapes import NewWhitelistMailShape, WhitelistMailShape
from recorders.doors import configurable_recorder
from recorders.services.whitelist_mails import MAX_PER_DAY, TooManyMails, request_mail

_SHOWN = 100


class WhitelistMailsView(APIView):
    """Mails with the whitelist of a recorder, for people who configure it."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="whitelist_mails_list", responses={200: WhitelistMailShape(many=True)}
    )
    def get(self, request: Request, recorder_id: UUID) -> Response:
        """The newest hundred."""
        mails = configurable_recorder(request, recorder_id).whitelist_mails.all()[:_SHOWN]
        return Response(WhitelistMailShape(mails, many=True).data)

    @extend_schema(request=NewWhitelistMailShape, responses={202: WhitelistMailShape})
    def post(self, request: Request, recorder_id: UUID) -> Response:
        """A worker sends it soon; `state` tells what became of it."""
        recorder = configurable_recorder(request, recorder_id)
        wanted = NewWhitelistMailShape(data=request.data)
        wanted.is_valid(raise_exception=True)
        recipient, message = wanted.validated_data["recipient"], wanted.validated_data["message"]
        try:
            mail = request_mail(
                recorder, person_of(request), recipient, message, Actor.of(request), timezone.now()
            )
        except TooManyMails:
            detail = f"Your organisation sent {MAX_PER_DAY} whitelist mails within a day."
            raise Problem(429, "throttled", detail) from None
        return Response(WhitelistMailShape(mail).data, status=202)
