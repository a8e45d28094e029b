"""Tells the requester how an export ended: at most one mail for each end."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from accounts import mail
from accounts.organisations.brands import brand_of
from incidents.models import Export
from incidents.querysets import MAIL_TRIES

RETRY = timedelta(minutes=2)


def send_mail(export_id: UUID, now: datetime) -> None:
    """Connect, claim, hand over. Only what surely did not go out is tried again."""
    ended = Export.objects.unannounced(now).filter(pk=export_id)
    export = ended.select_related("incident__organisation__branding", "requested_by").first()
    if export is None:
        return
    person = export.requested_by
    if person is None or not person.is_active or not person.email:
        ended.update(notified_at=now)
        return
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException):
        _again_later(export, now)
        return
    try:
        if ended.update(notified_at=now) == 1:
            _hand_over(export, connection, now)
    finally:
        connection.close()


def _hand_over(export: Export, connection: object, now: datetime) -> None:
    try:
        message(export, connection).send()
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused):
        Export.objects.filter(pk=export.pk, notified_at=now).update(notified_at=None)
        _again_later(export, now)


def _again_later(export: Export, now: datetime) -> None:
    Export.objects.filter(pk=export.pk, mail_failures__lt=MAIL_TRIES).update(
        mail_failures=export.mail_failures + 1, not_before=now + RETRY
    )


def message(export: Export, connection: object = None) -> EmailMultiAlternatives:
    """The mail, with a Message-ID of its own row, so that a doubled one is dropped on its way."""
    person = export.requested_by
    if person is None or not person.email:
        raise ValueError("nobody to write to asked for this export")
    organisation = export.incident.organisation
    facts = {
        "export": export,
        "incident": export.incident,
        "clips": list(export.clips.select_related("camera__recorder")),
        "is_done": export.state == Export.State.DONE,
        "address": f"{settings.CONTERA_BASE_URL}/incidents/{export.incident_id}/",
        "brand": brand_of(organisation),
    }
    outcome = "is ready" if facts["is_done"] else "could not be finished"
    return mail.message(
        organisation,
        f"Export of “{export.incident.title}” {outcome}",
        render_to_string("mail/export.txt", facts),
        [person.email],
        html=render_to_string("mail/export.html", facts),
        connection=connection,
        headers={
            "Message-ID": f"<export-{export.pk}-{export.attempt}@{settings.CONTERA_PORTAL_DOMAIN}>",
            "Auto-Submitted": "auto-generated",
        },
    )
