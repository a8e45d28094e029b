"""Webhooks: a real receiver, signed deliveries, tried again, bounded, seen by administrators."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.errors import NotPossible
from accounts.limits import Limit
from accounts.models import AuditEntry, Webhook, WebhookDelivery
from accounts.webhooks import delivery as deliveries
from accounts.webhooks import service
from accounts.webhooks.delivery import (
    GIVEN_UP_AFTER,
    MAX_REST,
    PAUSES,
    claim,
    forget_old,
    next_of_each,
    send,
    settle,
)
from accounts.webhooks.service import MAX_WAITING, add_webhook, announce, change_webhook
from accounts.webhooks.signature import HEADER, is_signed, signature
from recorders.models import ONLINE_WITHIN
from recorders.services.presence import tell_offline, tell_online

pytestmark = pytest.mark.django_db

State = WebhookDelivery.State
SILENT = "The server does not answer at all"


class Receiver(HTTPServer):
    """Keeps what it was sent and answers `status`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.length, self.got = 200, 0, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook?of=harbour"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def laboratory(settings):
    settings.CONTERA_WEBHOOK_NETWORKS = "laboratory"


@pytest.fixture
def webhook(organisation, receiver):
    return add_webhook(organisation, receiver.url, [], PORTAL)


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def page_of(webhook, person):
    return signed_in(person).get(f"/webhooks/{webhook.pk}/").content.decode()


def only_delivery():
    return WebhookDelivery.objects.get()


def deliver(delivery_id, moment):
    """What a turn does with it, if it may be sent."""
    if claimed := claim(delivery_id, moment):
        settle(claimed, send(claimed, moment), moment)


def sent_at(moment):
    """The one delivery after a worker had it at this time."""
    deliver(only_delivery().pk, moment)
    return only_delivery()


def test_a_delivery_is_signed_and_says_what_happened(webhook, receiver, recorder):
    now = timezone.now()
    recorder.announced_online = False
    tell_online(recorder)
    assert sent_at(now).state == State.DONE
    path, headers, body = receiver.got[0]
    said = json.loads(body)
    assert path == "/hook?of=harbour"
    assert (said["event"], said["data"]["recorder"]["name"]) == ("recorder.online", "Gate")
    assert headers["Contera-Delivery"] == said["id"] == str(only_delivery().pk)
    assert is_signed(webhook.secret, headers[HEADER], body, int(now.timestamp()))
    assert not is_signed("another", headers[HEADER], body, int(now.timestamp()))


@pytest.mark.parametrize(
    ("header", "body", "age_s"),
    [
        ("", b"{}", 0),
        ("t=1,v1=00", b"{}", 0),
        (None, b"{ }", 0),
        (None, b"{}", 301),
        ("t=x,v1=é", b"{}", 0),
    ],
)
def test_what_is_not_ours_or_not_fresh_is_not_signed(header, body, age_s):
    header = signature("s", 1_000, b"{}") if header is None else header
    assert not is_signed("s", header, body, 1_000 + age_s)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refusal_is_tried_again_for_two_days_and_redirects_are_not_followed(
    status, webhook, receiver, organisation
):
    receiver.status, now = status, timezone.now()
    announce(organisation.pk, "recorder.offline", {})
    for pause in PAUSES:
        waiting = sent_at(now)
        assert (waiting.state, waiting.not_before) == (State.QUEUED, now + pause)
        assert waiting.error == f"The receiver answered {status}."
        deliver(waiting.pk, now)  # a worker woken too early does nothing
        now += pause
    assert sent_at(now).state == State.FAILED
    assert len(receiver.got) == len(PAUSES) + 1
    assert service.send_again(only_delivery())
    receiver.status = 204
    assert sent_at(now).state == State.DONE


def test_a_receiver_that_is_gone_is_named(webhook, organisation):
    Webhook.objects.update(url="http://127.0.0.1:9/")
    announce(organisation.pk, "recorder.offline", {})
    assert sent_at(timezone.now()).error == "127.0.0.1: it refused the connection."


def test_it_is_switched_off_after_three_days_without_a_success(webhook, receiver, organisation):
    receiver.status, now = 500, timezone.now()
    Webhook.objects.update(failing_since=now - GIVEN_UP_AFTER - timedelta(minutes=1))
    announce(organisation.pk, "recorder.offline", {})
    deliver(only_delivery().pk, now)
    assert not Webhook.objects.get().is_enabled
    assert AuditEntry.objects.filter(action="webhook.switched_off").exists()
    announce(organisation.pk, "recorder.offline", {})
    assert WebhookDelivery.objects.count() == 1


def test_of_an_answer_the_status_alone_counts(webhook, receiver, organisation):
    """However long its body claims to be."""
    receiver.length = 10**9
    announce(organisation.pk, "recorder.offline", {})
    sent = sent_at(timezone.now())
    assert (sent.state, sent.status_code) == (State.DONE, 200)


def test_of_two_workers_one_sends_and_a_lost_one_is_followed(webhook, receiver, organisation):
    announce(organisation.pk, "recorder.offline", {})
    now = timezone.now()
    WebhookDelivery.objects.update(state=State.SENDING, lease_until=now + timedelta(seconds=9))
    assert sent_at(now).state == State.SENDING
    assert sent_at(now + timedelta(seconds=10)).state == State.DONE
    assert len(receiver.got) == 1


def test_an_organisation_has_one_delivery_under_way_and_the_next_follows(
    webhook, organisation, receiver, stranger
):
    """B1"""
    elsewhere = add_webhook(stranger.memberships.get().organisation, receiver.url, [], PORTAL)
    announce(organisation.pk, "recorder.offline", {})
    announce(organisation.pk, "recorder.online", {})
    announce(elsewhere.organisation_id, "recorder.online", {})
    slow, waiting, other = WebhookDelivery.objects.order_by("created_at")
    now = timezone.now()
    assert next_of_each(now, 9) == [slow.pk, other.pk]
    assert next_of_each(now, 1) == [slow.pk]
    assert next_of_each(now, 9, [slow.pk]) == [waiting.pk, other.pk]
    lease = {"state": State.SENDING, "lease_until": now + timedelta(seconds=9)}
    WebhookDelivery.objects.filter(pk=slow.pk).update(**lease)
    assert next_of_each(now, 9) == [other.pk]
    for delivery in (waiting, other):
        deliver(delivery.pk, now)
    assert [path for path, _, _ in receiver.got] == ["/hook?of=harbour"]
    later = now + timedelta(seconds=10)
    assert next_of_each(later, 9) == [slow.pk]
    deliver(slow.pk, later)
    assert next_of_each(later, 9) == [waiting.pk]


def test_who_is_next_is_one_query(webhook, receiver, stranger, django_assert_num_queries):
    elsewhere = add_webhook(stranger.memberships.get().organisation, receiver.url, [], PORTAL)
    for one in (webhook, elsewhere, webhook):
        announce(one.organisation_id, "recorder.offline", {})
    with django_assert_num_queries(1):
        assert len(next_of_each(timezone.now(), 9)) == 2


@pytest.mark.parametrize(
    ("silent_for", "rest"),
    [
        (timedelta(0), timedelta(seconds=10)),
        (timedelta(minutes=3), timedelta(minutes=3)),
        (timedelta(days=2), MAX_REST),
    ],
)
def test_a_receiver_that_does_not_answer_rests(webhook, organisation, silent_for, rest):
    now = timezone.now()
    Webhook.objects.update(url="http://127.0.0.1:9/", failing_since=now - silent_for)
    for event in ("recorder.offline", "recorder.online"):
        announce(organisation.pk, event, {})
    first, second = WebhookDelivery.objects.order_by("created_at")
    deliver(first.pk, now)
    deliver(second.pk, now)  # a worker that was woken for it
    assert WebhookDelivery.objects.get(pk=second.pk).attempt == 0
    assert next_of_each(now + rest - timedelta(seconds=1), 9) == []
    assert next_of_each(now + rest, 9) != []


@pytest.mark.parametrize("status", [204, 500])
def test_it_rests_no_more_once_it_answers_or_somebody_wants_it(
    status, webhook, organisation, receiver, owner
):
    """A refusal is an answer, too: what waits is tried by its own pauses."""
    receiver.status, now = status, timezone.now()
    Webhook.objects.update(rests_until=now + timedelta(hours=1), failing_since=now)
    announce(organisation.pk, "recorder.offline", {})
    assert next_of_each(now, 9) == []
    assert SILENT in page_of(webhook, owner)
    tried = service.send_test(webhook, owner)
    assert next_of_each(timezone.now(), 9) == [tried.pk]
    deliver(tried.pk, timezone.now())
    assert len(next_of_each(timezone.now(), 9)) == 1
    assert SILENT not in page_of(webhook, owner)


def test_a_rest_that_is_over_is_not_shown(webhook, owner):
    Webhook.objects.update(rests_until=timezone.now() - timedelta(seconds=1))
    assert SILENT not in page_of(webhook, owner)


def test_a_receiver_that_nobody_asked_does_not_rest(settings, webhook, organisation):
    """An address that is refused is not a silent one."""
    settings.CONTERA_WEBHOOK_NETWORKS = "public"
    Webhook.objects.update(url="https://127.0.0.1/")
    announce(organisation.pk, "recorder.offline", {})
    assert "cannot be used" in sent_at(timezone.now()).error
    assert Webhook.objects.get().rests_until is None


def test_a_secret_that_no_key_opens_is_said_and_can_be_replaced(
    settings, tmp_path, webhook, organisation, receiver, owner
):
    settings.CONTERA_SECRETS_KEY_FILE = tmp_path / "other"
    announce(organisation.pk, "recorder.offline", {})
    failed = sent_at(timezone.now())
    assert (failed.state, receiver.got) == (State.FAILED, [])
    assert "make a new secret" in failed.error
    assert "make a new secret" in page_of(webhook, owner)
    assert signed_in(owner).get("/webhooks/").status_code == 200
    assert signed_in(owner).get(f"/api/v1/webhooks/{webhook.pk}/").status_code == 200
    assert signed_in(owner).post(f"/webhooks/{webhook.pk}/secret/").status_code == 200
    assert service.send_again(failed)
    assert sent_at(timezone.now()).state == State.DONE


def test_tests_are_bounded(webhook, owner, monkeypatch):
    monkeypatch.setattr(service, "TESTS", Limit("webhook-tests", 1, 3600))
    service.send_test(webhook, owner)
    with pytest.raises(NotPossible):
        service.send_test(webhook, owner)
    answer = signed_in(owner).post(f"/webhooks/{webhook.pk}/test/", follow=True)
    assert "Wait a while" in answer.content.decode()


def test_what_waits_is_bounded_and_old_deliveries_are_forgotten(webhook, organisation, monkeypatch):
    monkeypatch.setattr(service, "MAX_WAITING", 2)
    assert MAX_WAITING == 1_000
    for _ in range(3):
        announce(organisation.pk, "recorder.offline", {})
    assert WebhookDelivery.objects.count() == 2
    forget_old(timezone.now() + deliveries.KEPT + timedelta(minutes=1))
    assert WebhookDelivery.objects.count() == 0


def test_only_those_that_listen_hear_an_event(organisation, receiver, stranger):
    add_webhook(organisation, receiver.url, ["export.done"], PORTAL)
    elsewhere = stranger.memberships.get().organisation
    add_webhook(elsewhere, receiver.url, [], PORTAL)
    announce(organisation.pk, "recorder.offline", {})
    assert WebhookDelivery.objects.count() == 0


def test_a_recorder_is_told_offline_once_and_online_once(webhook, recorder):
    now = timezone.now()
    tell_online(recorder)
    for _ in range(2):
        tell_offline(now + ONLINE_WITHIN * 2)
    tell_online(type(recorder).objects.get())
    tell_online(type(recorder).objects.get())
    found = [d.event for d in WebhookDelivery.objects.order_by("created_at")]
    assert found == ["recorder.online", "recorder.offline", "recorder.online"]


@pytest.mark.parametrize(
    "url", ["ftp://a.test/", "https://", "https://u:p@a.test/", "https://a.test/#x", "a" * 400]
)
def test_an_address_that_is_none_is_refused(url, organisation):
    with pytest.raises(NotPossible):
        add_webhook(organisation, url, [], PORTAL)


def test_in_service_it_reaches_public_addresses_by_https_alone(settings, organisation, webhook):
    """L10: not a way into the portal's own network."""
    settings.CONTERA_WEBHOOK_NETWORKS = "public"
    with pytest.raises(NotPossible):
        add_webhook(organisation, "http://a.test/", [], PORTAL)
    Webhook.objects.update(url="https://127.0.0.1/")
    announce(organisation.pk, "recorder.offline", {})
    assert "cannot be used" in sent_at(timezone.now()).error


def test_the_secret_is_shown_once_and_changes_are_audited(owner, organisation, receiver):
    client = signed_in(owner)
    assert 'href="/webhooks/"' in client.get("/organisation/").content.decode()
    made = client.post("/webhooks/add/", {"url": receiver.url, "events": ["export.done"]})
    webhook = Webhook.objects.get()
    assert webhook.secret in made.content.decode()
    assert webhook.secret not in client.get(f"/webhooks/{webhook.pk}/").content.decode()
    old = webhook.secret
    client.post(f"/webhooks/{webhook.pk}/secret/")
    assert Webhook.objects.get().secret != old
    change_webhook(webhook, receiver.url, [], PORTAL, is_enabled=False)
    client.post(f"/webhooks/{webhook.pk}/remove/")
    actions = AuditEntry.objects.filter(action__startswith="webhook.").order_by("pk")
    assert [a.action.partition(".")[2] for a in actions] == [
        "added",
        "secret_replaced",
        "changed",
        "removed",
    ]


def test_strangers_and_viewers_find_no_webhook(webhook, owner, viewer, stranger):
    """A2"""
    for person, status in ((stranger, 404), (viewer, 403)):
        client = signed_in(person)
        assert client.get(f"/webhooks/{webhook.pk}/").status_code == status
        assert client.get(f"/api/v1/webhooks/{webhook.pk}/").status_code == status
    assert signed_in(owner).get(f"/api/v1/webhooks/{webhook.pk}/").status_code == 200
