"""Whitelist mails: asked for by a person, sent by a worker, one mail however often it is woken.

The row is the truth: QUEUED → SENDING (claimed, with a lease) → SENT, or back to QUEUED with a
pause after a failure, or FAILED. A worker that dies while it sends leaves a lease that runs out;
the next one sends again under the same Message-ID, so that a mail which did arrive is not shown
twice.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts.askers import asker_of
from accounts.audit import PORTAL, Actor, record
from accounts.models import Organisation, User
from recorders import tasks
from recorders.leases import LEASE, renewed
from recorders.mail_failures import MailFailure, sending
from recorders.models import Recorder, WhitelistMail
from recorders.policy import recorder_rights
from recorders.services.whitelist_letter import compose

logger = logging.getLogger(__name__)

State = WhitelistMail.State

MAX_PER_DAY = 20  # per organisation: enough for every site, useless for spam
MAX_FAILURES = 5
PAUSES = [timedelta(seconds=s) for s in (15, 60, 300, 900)]  # after the 1st, 2nd … failure
WAKE_AT_ONCE = 100  # per beat: the rest waits for the next


class TooManyMails(Exception):
    """The organisation asked for MAX_PER_DAY mails within a day."""


def request_mail(
    recorder: Recorder, sender: User, recipient: str, message: str, actor: Actor, now: datetime
) -> WhitelistMail:
    """A mail that a worker sends soon; raises TooManyMails."""
    with transaction.atomic():
        # Two requests at once must not both be the last one: they queue at the organisation's row.
        Organisation.objects.select_for_update().get(pk=recorder.organisation_id)
        if _count_since(recorder, now - timedelta(days=1)) >= MAX_PER_DAY:
            raise TooManyMails
        mail = WhitelistMail.objects.create(
            recorder=recorder,
            requested_by=sender,
            recipient=recipient,
            message=message,
            circumstances=sender.circumstances.to_json(),
        )
        _audit(mail, actor, "whitelist_mail.requested")
        _wake(mail)
    return mail


def retry(mail: WhitelistMail, actor: Actor) -> bool:
    """Queues a failed mail again; False when it is not failed any more."""
    failed = WhitelistMail.objects.filter(pk=mail.pk, state=State.FAILED)
    with transaction.atomic():
        if not failed.update(state=State.QUEUED, failures=0, not_before=None, error=""):
            return False
        _audit(mail, actor, "whitelist_mail.retried")
        _wake(mail)
    return True


def wake_due(now: datetime) -> None:
    """Wakes a worker for every mail that waits, or whose worker was lost."""
    for mail_id in _due(now).values_list("pk", flat=True)[:WAKE_AT_ONCE]:
        tasks.send_whitelist_mail.delay(str(mail_id))


def send(mail_id: UUID | str, now: datetime) -> None:
    """Sends the mail if it is due and nobody else does."""
    mail = _claim(mail_id, now)
    if mail is None:
        return
    try:
        _check_still_allowed(mail)
        with renewed(_mine(mail)), sending(mail.recipient):
            compose(mail, now, get_connection()).send()
    except MailFailure as failure:
        _note_failure(mail, failure, now)
    else:
        _finish(mail, state=State.SENT, sent_at=now, error="")
        _audit(mail, PORTAL, "whitelist_mail.sent")


def _due(now: datetime) -> QuerySet[WhitelistMail]:
    waiting = Q(state=State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
    lost = Q(state=State.SENDING, lease_until__lt=now)
    return WhitelistMail.objects.filter(waiting | lost)


def _claim(mail_id: UUID | str, now: datetime) -> WhitelistMail | None:
    """Of several workers woken for one mail, one gets it."""
    claimed = _due(now).filter(pk=mail_id)
    if not claimed.update(state=State.SENDING, lease_until=now + LEASE, attempt=F("attempt") + 1):
        return None
    mails = WhitelistMail.objects.select_related("recorder__organisation", "requested_by")
    mail: WhitelistMail = mails.select_related("recorder__network").get(pk=mail_id)
    return mail


def _mine(mail: WhitelistMail) -> QuerySet[WhitelistMail]:
    """The row while this worker's claim holds."""
    return WhitelistMail.objects.filter(pk=mail.pk, state=State.SENDING, attempt=mail.attempt)


def _check_still_allowed(mail: WhitelistMail) -> None:
    sender = asker_of(mail)
    if sender is None or "configure" not in recorder_rights(sender, mail.recorder):
        raise MailFailure(
            "The person who asked for it may no longer configure the recorder.", is_final=True
        )


def _note_failure(mail: WhitelistMail, failure: MailFailure, now: datetime) -> None:
    failures = mail.failures + 1
    logger.warning("whitelist mail %s, failure %d: %s", mail.pk, failures, failure)
    if failure.is_final or failures >= MAX_FAILURES:
        _finish(mail, state=State.FAILED, failures=failures, error=str(failure))
        _audit(mail, PORTAL, "whitelist_mail.failed", reason=str(failure))
        return
    pause = PAUSES[failures - 1]
    _finish(mail, state=State.QUEUED, failures=failures, error=str(failure), not_before=now + pause)


def _finish(mail: WhitelistMail, **changes: object) -> None:
    """Nothing is written by a worker that lost its claim."""
    if not _mine(mail).update(lease_until=None, **changes):
        logger.warning("whitelist mail %s: another worker took over", mail.pk)


def _count_since(recorder: Recorder, since: datetime) -> int:
    mails = WhitelistMail.objects.filter(recorder__organisation=recorder.organisation_id)
    return mails.filter(created_at__gt=since).count()


def _audit(mail: WhitelistMail, actor: Actor, action: str, **detail: str) -> None:
    recorder = mail.recorder
    facts = {"recorder": str(recorder.pk), "recipient": mail.recipient, "mail": str(mail.pk)}
    record(recorder.organisation, actor, action, recorder, **facts, **detail)


def _wake(mail: WhitelistMail) -> None:
    """A lost wake-up is repaired by the next beat."""
    transaction.on_commit(lambda: tasks.send_whitelist_mail.delay(str(mail.pk)), robust=True)
