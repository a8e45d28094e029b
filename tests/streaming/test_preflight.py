"""Preflights between portal and recorder. The relay is real; the recorder's half has tests of its
own (tests/cmr/preflight), and both meet in the browser (tests/e2e/test_preflight.py)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import AuditEntry
from recorders.models import Preflight
from streaming.preflight import service
from tests.streaming.real_site import running_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def started(recorder, owner):
    return service.start(recorder, owner, PORTAL, timezone.now())


@pytest.fixture
def site(recorder, settings):
    """A recorder that is linked, of a version without preflight."""
    with running_site(str(recorder.pk)) as made:
        settings.CONTERA_RELAY_URLS = [made.relay.url]
        yield made


def test_two_clicks_make_one_preflight(recorder, owner, started) -> None:
    assert service.start(recorder, owner, PORTAL, timezone.now()) == started
    assert AuditEntry.objects.filter(action="preflight.started").count() == 1


def test_one_that_nobody_finishes_is_over_and_can_be_started_again(recorder, owner, started):
    later = timezone.now() + service.LASTS + timedelta(seconds=1)
    assert service.newest(recorder, later).state == Preflight.State.FAILED
    assert service.start(recorder, owner, PORTAL, later) != started


def test_a_recorder_without_a_link_is_told_as_such(started, settings) -> None:
    settings.CONTERA_RELAY_URLS = ["http://127.0.0.1:9"]
    assert not service.look(started.pk, timezone.now())
    started.refresh_from_db()
    assert started.state == Preflight.State.FAILED
    assert "relay does not answer" in started.error


def test_what_the_recorder_refuses_is_told_in_words(started, site) -> None:
    assert not service.look(started.pk, timezone.now())
    started.refresh_from_db()
    assert started.error == "This version of the recorder has no preflight."


def test_words_of_a_hostile_recorder_are_kept_as_plain_text(started, monkeypatch) -> None:
    """R12."""
    answer = {"code": "x", "detail": "<b>no\0\ud800\r\nERROR forged"}
    monkeypatch.setattr(service, "ask", lambda *_: (500, answer))
    assert not service.look(started.pk, timezone.now())
    started.refresh_from_db()
    assert started.error == "<b>noERROR forged"


def test_who_may_no_longer_configure_gets_nothing(started, owner, site) -> None:
    owner.memberships.update(state="disabled")
    assert not service.look(started.pk, timezone.now())
    started.refresh_from_db()
    assert "may no longer configure" in started.error


def test_a_result_is_not_written_over(started) -> None:
    Preflight.objects.update(state=Preflight.State.DONE, rows=[{"id": "x"}])
    assert not service.look(started.pk, timezone.now())
    started.refresh_from_db()
    assert started.rows == [{"id": "x"}]
