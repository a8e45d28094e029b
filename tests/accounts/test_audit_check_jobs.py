"""Checks of audit trails: one at a time, none of which keeps the others or the worker."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache
from django.utils import timezone

from accounts import audit_check_jobs, tasks
from accounts.audit import PORTAL, record
from accounts.audit_check import Verdict
from accounts.models import AuditHead, Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def trails() -> list[Organisation]:
    """In the order in which their checks are due."""
    made = [Organisation.objects.create(name=name, handle=name) for name in ("one", "two", "three")]
    for age, organisation in enumerate(reversed(made)):
        record(organisation, PORTAL, "thing.changed")
        checked_at = timezone.now() - timedelta(days=2 + age)
        AuditHead.objects.filter(organisation=organisation).update(checked_at=checked_at)
    return made


@pytest.fixture
def checked(monkeypatch) -> list[Organisation]:
    """Which trails were read, in order."""
    read: list[Organisation] = []

    def check_trail(organisation):
        read.append(organisation)
        return Verdict(1, 1)

    monkeypatch.setattr(audit_check_jobs, "check_trail", check_trail)
    return read


def test_a_turn_checks_one_trail_and_says_whether_another_is_due(trails, checked):
    for done, is_left in enumerate([True, True, False, False], start=1):
        assert audit_check_jobs.take_turn() is is_left
        assert checked == trails[:done]


def test_another_worker_is_left_to_other_jobs(trails, monkeypatch):
    turns: list[bool] = []

    def check_trail(organisation):
        turns.append(audit_check_jobs.take_turn())
        return Verdict(1, 1)

    monkeypatch.setattr(audit_check_jobs, "check_trail", check_trail)
    audit_check_jobs.take_turn()
    assert turns == [False]


def test_who_asks_waits_behind_those_that_are_due_for_longer(trails):
    now, (one, two, three) = timezone.now(), trails
    AuditHead.objects.filter(organisation__in=[two, three]).update(checked_at=now)
    audit_check_jobs.ask(two, now - timedelta(minutes=1))
    audit_check_jobs.ask(three, now - timedelta(minutes=2))
    assert audit_check_jobs.due(now) == [one.pk, three.pk, two.pk]


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), RuntimeError("a bug")])
def test_a_check_that_breaks_off_is_free_again_and_keeps_no_other(
    trails, checked, error, monkeypatch
):
    """It is not tried again without a pause, either."""
    reads = audit_check_jobs.check_trail

    def check_trail(organisation):
        if organisation == trails[0]:
            raise error
        return reads(organisation)

    monkeypatch.setattr(audit_check_jobs, "check_trail", check_trail)
    assert [audit_check_jobs.take_turn() for _ in trails] == [True, True, False]
    assert checked == trails[1:]
    head = AuditHead.objects.get(organisation=trails[0])
    assert head.check_began_at is None
    cache.clear()  # as time does
    assert audit_check_jobs.due(timezone.now()) == [trails[0].pk]


def test_a_worker_past_its_lease_writes_nothing(trails, checked):
    one, began = trails[0], timezone.now()
    later = began + audit_check_jobs.LEASE
    assert audit_check_jobs.claim(one.pk, began)
    assert audit_check_jobs.claim(one.pk, later)
    assert audit_check_jobs.check(one, began) is False
    assert AuditHead.objects.get(organisation=one).check_began_at == later
    assert audit_check_jobs.check(one, later) is True
    assert AuditHead.objects.get(organisation=one).checked_at == later


def test_messages_do_not_pile_up_and_turns_are_bounded(monkeypatch):
    sent = []
    monkeypatch.setattr("celery.app.base.Celery.send_task", lambda *_, **how: sent.append(how))
    tasks.keep_audit_trails.delay()
    assert sent[0]["expires"] == 60
    assert sent[0]["soft_time_limit"] < sent[0]["time_limit"]
    assert sent[0]["time_limit"] < audit_check_jobs.LEASE.total_seconds()
