"""B1: receivers that never answer hold neither the worker nor anybody else's deliveries."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import Organisation, Webhook, WebhookDelivery
from accounts.outgoing import web
from accounts.webhooks import delivery, postman
from accounts.webhooks.delivery import next_of_each
from accounts.webhooks.service import add_webhook, announce

pytestmark = pytest.mark.django_db

State = WebhookDelivery.State


@pytest.fixture(autouse=True)
def laboratory(settings) -> None:
    settings.CONTERA_WEBHOOK_NETWORKS = "laboratory"


class Prompt(HTTPServer):
    """Answers at once; notes whether another worker could send, and when it was told enough."""

    def __init__(self, enough: int) -> None:
        super().__init__(("127.0.0.1", 0), _Prompt)
        self.others_turn: list[bool] = []
        self.enough, self.is_told = enough, threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Prompt(BaseHTTPRequestHandler):
    server: Prompt

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.others_turn.append(postman.take_turn())
        self.send_response(204)
        self.end_headers()
        if len(self.server.others_turn) == self.server.enough:
            self.server.is_told.set()

    def log_message(self, *args: object) -> None:
        pass


class Silent(ThreadingHTTPServer):
    """Takes connections, and says nothing; hangs up once the event is there."""

    def __init__(self, until: threading.Event) -> None:
        super().__init__(("127.0.0.1", 0), _Silent)
        self.until = until

    url = Prompt.url


class _Silent(BaseHTTPRequestHandler):
    server: Silent

    def do_POST(self) -> None:
        self.server.until.wait()


@pytest.fixture
def prompt() -> Iterator[Prompt]:
    with Prompt(enough=2) as server:
        yield from _serving(server)


@pytest.fixture
def silent(prompt) -> Iterator[Silent]:
    with Silent(until=prompt.is_told) as server:
        yield from _serving(server)
        prompt.is_told.set()


def _serving(server: HTTPServer) -> Iterator[HTTPServer]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()


def hears(name: str, url: str) -> WebhookDelivery:
    """Of an organisation with a webhook and something to tell."""
    made = Organisation.objects.create(name=name, handle=name.lower())
    webhook = add_webhook(made, url, [], PORTAL)
    announce(made.pk, "recorder.online", {})
    return webhook.deliveries.get()


def state_of(sent: WebhookDelivery) -> str:
    return WebhookDelivery.objects.get(pk=sent.pk).state


def test_receivers_that_never_answer_hold_nobody_up(silent, prompt, monkeypatch):
    """Others are told while those are silent, also of what comes meanwhile; another worker is left
    to other jobs; and the silent ones are not asked again for a while, whatever waits for them."""
    monkeypatch.setattr(web, "READ_S", web.DEADLINE_S)
    slow = [hears(f"Slow{number}", silent.url) for number in range(3)]
    first = hears("Harbour", prompt.url)
    announce(first.webhook.organisation_id, "recorder.offline", {})  # told once the first is done
    announce(slow[0].webhook.organisation_id, "recorder.offline", {})
    assert postman.take_turn() is False
    assert prompt.others_turn == [False, False]
    assert {one.state for one in first.webhook.deliveries.all()} == {State.DONE}
    asked = WebhookDelivery.objects.filter(webhook__url=silent.url).order_by("created_at")
    assert [one.attempt for one in asked] == [1, 1, 1, 0]
    assert {one.error for one in asked[:3]} == {"127.0.0.1: it did not answer."}  # nor ran out
    assert Webhook.objects.filter(rests_until__gt=timezone.now()).count() == 3
    assert next_of_each(timezone.now(), 9) == []


def test_a_secret_that_no_key_opens_fails_its_own_delivery_alone(prompt):
    lost, good = hears("Lost", prompt.url), hears("Harbour", prompt.url)
    sealed = Fernet(Fernet.generate_key()).encrypt(b"whsec_lost").decode()
    Webhook.objects.filter(pk=lost.webhook_id).update(secret=RawSQL("%s", [sealed]))
    assert postman.take_turn() is False
    assert [state_of(lost), state_of(good)] == [State.FAILED, State.DONE]


@pytest.mark.parametrize("broken", ["claim", "send", "settle"])
def test_a_delivery_that_raises_keeps_nobody_elses(broken, prompt, monkeypatch, caplog):
    bad, good = hears("Bad", prompt.url), hears("Harbour", prompt.url)
    works = getattr(delivery, broken)

    def fails(which, *rest):
        if bad.pk in (which, getattr(which, "pk", None)):
            raise OperationalError("the database is away")
        return works(which, *rest)

    monkeypatch.setattr(delivery, broken, fails)
    with caplog.at_level(logging.ERROR):
        assert postman.take_turn() is False  # nor is it tried without a pause
    assert state_of(good) == State.DONE
    assert str(bad.pk) in caplog.text
    left = {"claim": State.QUEUED, "send": State.QUEUED, "settle": State.SENDING}
    assert state_of(bad) == left[broken]


def test_what_was_sent_is_written_down_when_the_turn_breaks_off(prompt, monkeypatch):
    sent = hears("Harbour", prompt.url)
    found = iter([[sent.pk]])

    def breaks_off(*_):
        for pks in found:
            return pks
        raise OperationalError("the database is away")

    monkeypatch.setattr(delivery, "next_of_each", breaks_off)
    monkeypatch.setattr(postman, "LOOK_AGAIN_S", 0)
    with pytest.raises(OperationalError):
        postman.take_turn()
    assert state_of(sent) == State.DONE
