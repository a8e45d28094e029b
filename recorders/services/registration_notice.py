"""Writes to the maker of a registration code that it was used (R4)."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import mail
from recorders.models import RegistrationCode

logger = logging.getLogger(__name__)


def send(code_id: str) -> None:
    """At most one mail per code, however often this runs.

    A mail that cannot be sent is not tried again: the audit trail and the page say the same.
    """
    code = RegistrationCode.objects.select_related(
        "recorder", "created_by", "organisation__branding"
    ).get(pk=code_id)
    if code.recorder is None or code.created_by is None:
        return
    unsaid = RegistrationCode.objects.filter(pk=code_id, told_at=None)
    if unsaid.update(told_at=timezone.now()) == 1 and code.created_by.email:
        _deliver(code, code.created_by.email)


def _deliver(code: RegistrationCode, recipient: str) -> None:
    context = {"code": code, "recorder": code.recorder, "base_url": settings.CONTERA_BASE_URL}
    text = render_to_string("mail/recorder_registered.txt", context)
    subject, _, body = text.partition("\n")
    try:
        mail.message(code.organisation, subject, body, [recipient]).send()
    except (smtplib.SMTPException, OSError) as error:
        logger.warning("notice of registration code %s not sent: %s", code.pk, error)
