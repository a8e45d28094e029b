"""A6 for video that does not pass the relay: the portal tells the recorder, which asks for a new
token. The recorder's doors and the relay are real."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access import TASK, announce_change
from accounts.signing import portal_keys
from protocol.tokens import verify_access_token
from recorders.models import Grant
from streaming import access_changes, viewing
from streaming.access_changes import tell_recorders
from streaming.services import issue_token, powerless_token
from streaming.tasks import tell_recorders as task
from tests.streaming.real_site import RealSite, running_site, until
from tests.streaming.test_sessions import open_session
from tests.viewers.sealed import sealed_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(recorder):
    with running_site(str(recorder.pk)) as made:
        recorder.public_key = made.jwk
        recorder.capabilities = ["relay", "lan"]
        recorder.save(update_fields=["public_key", "capabilities"])
        yield made


@pytest.fixture
def at_the_sites_relay(settings, site):
    settings.CONTERA_RELAY_URLS = [site.relay.url]


class Watcher:
    """Somebody with a sealed session at the recorder's own door."""

    def __init__(self, site: RealSite, token: str) -> None:
        self._site, self._token = site, token
        self.notices: list[str] = []
        self.is_open = False
        self.watching = site.start(self._watch())
        site.run(until(lambda: self.is_open))

    async def _watch(self) -> int:
        url = f"ws://127.0.0.1:{self._site.web_port}/v1/session"
        async with sealed_session(url, self._site.recorder_id, self._site.jwk) as session:
            await session.renew(self._token)
            assert (await session.ask("/v1/"))[0] == 200
            self.is_open = True
            closed = await session.end()
            self.notices = [notice["code"] for notice in session.notices]
            return closed.code

    def closed_with(self) -> int:
        return self.watching.result(20)


def old_token(person, recorder):
    """Issued a moment ago: tokens count whole seconds."""
    return issue_token(person, recorder, "s", timezone.now() - timedelta(seconds=2)).text


def tell(user_ids, later=timedelta(0)):
    """Of a change of this moment; `later` a worker gets to it."""
    now = timezone.now()
    tell_recorders(user_ids, now, now + later)


@pytest.mark.usefixtures("at_the_sites_relay")
def test_a_direct_session_must_renew_when_rights_change(site, recorder, viewer, cameras):
    """A6: without a newer token it ends after three seconds."""
    watcher = Watcher(site, old_token(viewer, recorder))
    open_session(viewer, recorder)
    Grant.objects.all().delete()
    tell([str(viewer.pk)])
    assert watcher.closed_with() == 4401
    assert watcher.notices == ["renewal_required"]


@pytest.mark.usefixtures("at_the_sites_relay")
def test_nobody_elses_session_is_asked(site, recorder, viewer, owner, cameras):
    watcher, bystander = (Watcher(site, old_token(who, recorder)) for who in (viewer, owner))
    open_session(viewer, recorder)
    tell([str(viewer.pk)])
    assert watcher.closed_with() == 4401
    assert not bystander.watching.done()
    bystander.watching.cancel()


def test_the_node_that_has_the_link_is_found(site, recorder, viewer, cameras, settings):
    """Another node knows no such recorder, a third is gone."""
    with running_site("5b0f1c1e-0d5a-4c7c-9d1e-3b6f2a9c8e11") as elsewhere:
        gone = "http://127.0.0.1:9"
        settings.CONTERA_RELAY_URLS = [gone, elsewhere.relay.url, site.relay.url]
        watcher = Watcher(site, old_token(viewer, recorder))
        open_session(viewer, recorder)
        tell([str(viewer.pk)])
        assert watcher.closed_with() == 4401


@pytest.fixture
def told(monkeypatch):
    """Who was told; no relay is asked."""
    messages = []

    def note(web, message, ends_at):
        messages.append(message)
        return True

    monkeypatch.setattr(access_changes, "_tell", note)
    return messages


def test_only_recorders_that_somebody_may_be_watching_are_told(recorder, viewer, owner, told):
    tell([str(viewer.pk)])
    assert told == []
    open_session(viewer, recorder)
    tell([str(owner.pk)])
    assert told == []
    tell([str(viewer.pk), str(owner.pk)])
    assert [recorder_id for recorder_id, _ in told] == [str(recorder.pk)]


def test_recorders_that_are_offline_are_not_told(recorder, viewer, told):
    open_session(viewer, recorder)
    tell([str(viewer.pk)], timedelta(minutes=1))
    assert told == []


def test_the_number_of_messages_is_bounded(recorder, viewer, owner, told, monkeypatch):
    monkeypatch.setattr(access_changes, "MAX_MESSAGES", 1)
    for person in (viewer, owner):
        open_session(person, recorder)
    tell([str(viewer.pk), str(owner.pk)])
    assert len(told) == 1


def test_who_watches_is_forgotten_with_the_token(viewer, recorder, monkeypatch):
    now = timezone.now().timestamp()
    monkeypatch.setattr(viewing.time, "time", lambda: now - viewing.KEPT_S - 1)
    viewing.note_viewing(viewer.pk, recorder.pk)
    monkeypatch.setattr(viewing.time, "time", lambda: now)
    assert viewing.viewed_by(viewer.pk) == []


def test_without_redis_a_session_opens_all_the_same(viewer, recorder, settings, told, caplog):
    """R10: then a withdrawn right ends with the token."""
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    viewing.note_viewing(viewer.pk, recorder.pk)
    tell([str(viewer.pk)])
    assert "not noted who watches" in caplog.text
    assert "not told to recorders" in caplog.text


def test_a_change_wakes_the_worker_after_the_transaction(
    viewer, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(
        "celery.app.base.Celery.send_task",
        lambda self, name, args, **options: sent.append((name, args)),
    )
    with django_capture_on_commit_callbacks(execute=True):
        announce_change([viewer])
        assert sent == []
        before = time.time()
    [(name, [people, changed_at])] = sent
    assert name == task.name == TASK
    assert people == [str(viewer.pk)]
    assert before <= changed_at <= time.time()


def test_recorders_are_told_when_the_rights_changed(recorder, viewer, told):
    """However late a worker gets to it: who renewed since has the new rights."""
    open_session(viewer, recorder)
    changed_at = time.time() - 7.25
    task([str(viewer.pk)], changed_at)
    [(recorder_id, text)] = told
    change = verify_access_token(portal_keys(), text, recorder_id, int(time.time()))
    assert change.issued_at == pytest.approx(changed_at, abs=0.001)
    assert change.is_access_change
    assert (change.grants, change.paths) == ({}, frozenset())


def test_no_viewer_gets_the_token_that_tells_of_changes(recorder, viewer):
    """R14: also the one that grants nothing is another."""
    opened = open_session(viewer, recorder).json()
    powerless = powerless_token(viewer, recorder, opened["session_id"], timezone.now())
    for text in (opened["token"], powerless.text):
        access = verify_access_token(portal_keys(), text, str(recorder.pk), int(time.time()))
        assert not access.is_access_change
