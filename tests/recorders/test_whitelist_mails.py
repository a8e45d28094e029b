from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.audit import PORTAL
from accounts.models import AuditEntry, User
from recorders import tasks
from recorders.models import Recorder, WhitelistMail
from recorders.services import whitelist_mails
from recorders.services.whitelist_mails import MAX_FAILURES, MAX_PER_DAY, PAUSES
from tests.services.smtp import MailServer, smtp_running

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def server(settings: Any) -> Iterator[MailServer]:
    """A real SMTP server, in place of the list in memory that pytest-django puts there."""
    with smtp_running() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture
def mail(recorder: Recorder, owner: User) -> WhitelistMail:
    return ask(recorder, owner)


def ask(recorder: Recorder, sender: User, message: str = "") -> WhitelistMail:
    now = timezone.now()
    return whitelist_mails.request_mail(recorder, sender, "it@harbour.test", message, PORTAL, now)


def reread(mail: WhitelistMail) -> WhitelistMail:
    return WhitelistMail.objects.get(pk=mail.pk)


def test_it_sends_the_list_with_the_persons_words(
    recorder: Recorder, owner: User, server: MailServer
) -> None:
    mail = ask(recorder, owner, "Please <b>open</b> these.")
    tasks.send_whitelist_mail(str(mail.pk))
    (sent,) = server.messages
    text, html = (sent.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert (sent["To"], sent["Reply-To"]) == ("it@harbour.test", "owner@harbour.test")
    assert str(mail.pk) in sent["Message-ID"]
    assert "Portal and relay: sign-in" in text
    assert "message/http" in text
    assert "Please <b>open</b> these." in text
    assert "Please &lt;b&gt;open&lt;/b&gt; these." in html
    assert "<img" not in html
    assert reread(mail).state == "sent"


def test_the_same_message_twice_is_one_mail(mail: WhitelistMail, server: MailServer) -> None:
    """J2: also days late."""
    for days in (0, 0, 5):
        whitelist_mails.send(mail.pk, timezone.now() + timedelta(days=days))
    assert len(server.messages) == 1


def test_a_claim_excludes_other_workers(mail: WhitelistMail) -> None:
    now = timezone.now()
    assert whitelist_mails._claim(mail.pk, now)
    assert whitelist_mails._claim(mail.pk, now) is None


def test_a_worker_that_lost_its_claim_writes_nothing(mail: WhitelistMail) -> None:
    now = timezone.now()
    late = whitelist_mails._claim(mail.pk, now)
    assert whitelist_mails._claim(mail.pk, now + timedelta(minutes=1))
    whitelist_mails._finish(late, state="failed")
    assert reread(mail).state == "sending"


def test_a_busy_server_is_tried_again_with_pauses_then_given_up(
    mail: WhitelistMail, server: MailServer
) -> None:
    server.refusal = "451 Try later"
    now = timezone.now()
    for failures in range(1, MAX_FAILURES):
        whitelist_mails.send(mail.pk, now)
        found = reread(mail)
        assert (found.state, found.failures) == ("queued", failures)
        assert found.not_before == now + PAUSES[failures - 1]
        whitelist_mails.send(mail.pk, now)  # too early: nothing happens
        assert reread(mail).failures == failures
        now = found.not_before
    whitelist_mails.send(mail.pk, now)
    assert (reread(mail).state, reread(mail).attempt) == ("failed", MAX_FAILURES)
    assert reread(mail).error == "The mail server refused the mail: 451 Try later"


def test_a_refusal_for_good_fails_at_once_and_a_person_may_retry(
    mail: WhitelistMail, server: MailServer
) -> None:
    server.refusal = "550 No such user"
    whitelist_mails.send(mail.pk, timezone.now())
    assert (reread(mail).state, reread(mail).failures) == ("failed", 1)
    server.refusal = ""
    assert whitelist_mails.retry(mail, PORTAL)
    assert not whitelist_mails.retry(mail, PORTAL)
    whitelist_mails.send(mail.pk, timezone.now())
    assert (reread(mail).state, len(server.messages)) == ("sent", 1)


def test_no_mail_server_is_said_in_words(mail: WhitelistMail, settings: Any) -> None:
    settings.EMAIL_PORT = 1
    whitelist_mails.send(mail.pk, timezone.now())
    assert reread(mail).error == "The mail server does not accept connections."


def test_without_the_right_any_more_it_is_not_sent(
    mail: WhitelistMail, owner: User, server: MailServer
) -> None:
    """J5."""
    owner.memberships.get().groups.clear()
    whitelist_mails.send(mail.pk, timezone.now())
    assert (reread(mail).state, server.messages) == ("failed", [])


def test_a_removed_recorders_mail_is_not_sent(mail: WhitelistMail, server: MailServer) -> None:
    Recorder.objects.update(removed_at=timezone.now())
    whitelist_mails.send(mail.pk, timezone.now())
    assert (reread(mail).state, server.messages) == ("failed", [])


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids: list[str] = []
    monkeypatch.setattr(tasks.send_whitelist_mail, "delay", ids.append)
    return ids


@pytest.mark.parametrize(
    ("state", "lease_s", "not_before_s", "is_woken"),
    [
        ("queued", None, None, True),
        ("queued", None, -1, True),
        ("queued", None, 60, False),
        ("sending", -1, None, True),
        ("sending", 20, None, False),
        ("sent", -1, None, False),
        ("failed", -1, None, False),
    ],
)
def test_the_beat_wakes_what_waits_or_lost_its_worker(
    mail: WhitelistMail,
    woken: list[str],
    state: str,
    lease_s: int | None,
    not_before_s: int | None,
    is_woken: bool,
) -> None:
    """J2: Redis flushed, or a worker lost."""
    now = timezone.now()
    WhitelistMail.objects.update(
        state=state, lease_until=_in(now, lease_s), not_before=_in(now, not_before_s)
    )
    whitelist_mails.wake_due(now)
    assert woken == ([str(mail.pk)] if is_woken else [])


def _in(now: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def test_a_broker_that_is_down_loses_nothing(
    recorder: Recorder,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def unavailable(mail_id: str) -> None:
        raise OperationalError("down")

    monkeypatch.setattr(tasks.send_whitelist_mail, "delay", unavailable)
    with django_capture_on_commit_callbacks(execute=True):
        mail = ask(recorder, owner)
    assert reread(mail).state == "queued"


def test_twenty_mails_a_day_per_organisation(recorder: Recorder, owner: User) -> None:
    for _ in range(MAX_PER_DAY):
        ask(recorder, owner)
    with pytest.raises(whitelist_mails.TooManyMails):
        ask(recorder, owner)
    WhitelistMail.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert ask(recorder, owner).state == "queued"


def test_the_audit_trail_tells_its_story(mail: WhitelistMail) -> None:
    whitelist_mails.send(mail.pk, timezone.now())
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["whitelist_mail.requested", "whitelist_mail.sent"]
