"""Whitelist mails over the API."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.api.shapes import NewWhitelistMailShape, WhitelistMailShape
from recorders.doors import configurable_recorder
from recorders.services.whitelist_mails import MAX_PER_DAY, TooManyMails, request_mail, retry

_SHOWN = 100


class WhitelistMailsView(ApiView):
    """Mails with the whitelist of a recorder, for people who configure it."""

    permission_classes = (IsAuthenticated,)
    scopes = {"GET": "configure", "POST": "configure"}

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
        wanted = checked(NewWhitelistMailShape, request)
        recipient, message = wanted["recipient"], wanted["message"]
        try:
            mail = request_mail(
                recorder, person_of(request), recipient, message, Actor.of(request), timezone.now()
            )
        except TooManyMails:
            detail = f"Your organisation sent {MAX_PER_DAY} whitelist mails within a day."
            raise Problem(429, "throttled", detail) from None
        return Response(WhitelistMailShape(mail).data, status=202)


class RetryWhitelistMailView(ApiView):
    permission_classes = (IsAuthenticated,)
    scopes = {"POST": "configure"}

    @extend_schema(
        operation_id="whitelist_mails_retry", request=None, responses={202: WhitelistMailShape}
    )
    def post(self, request: Request, recorder_id: UUID, mail_id: UUID) -> Response:
        """Try a whitelist mail again that failed."""
        mails = configurable_recorder(request, recorder_id).whitelist_mails
        mail = get_object_or_404(mails, pk=mail_id)
        if not retry(mail, Actor.of(request)):
            raise Problem(409, "not_failed", "Only a mail that failed can be tried again.")
        mail.refresh_from_db()
        return Response(WhitelistMailShape(mail).data, status=202)
