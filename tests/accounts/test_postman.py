"""B1: receivers that never answer hold neither the worker nor anybody else's deliveries."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import Organisation, Webhook, WebhookDelivery
from accounts.outgoing import web
from accounts.webhooks import postman
from accounts.webhooks.delivery import next_of_each
from accounts.webhooks.service import add_webhook, announce

pytestmark = pytest.mark.django_db

PATIENCE_S = 1.5
State = WebhookDelivery.State


@pytest.fixture(autouse=True)
def laboratory(settings, monkeypatch) -> None:
    settings.CONTERA_WEBHOOK_NETWORKS = "laboratory"
    assert web.DEADLINE_S <= 10
    monkeypatch.setattr(web, "READ_S", PATIENCE_S)


@pytest.fixture
def silent() -> Iterator[str]:
    """Takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


class Prompt(HTTPServer):
    """Answers at once; notes when it was told something, and whether another worker could send."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told_at: list[float] = []
        self.others_turn: list[bool] = []


class _Handler(BaseHTTPRequestHandler):
    server: Prompt

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told_at.append(time.monotonic())
        self.server.others_turn.append(postman.take_turn())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def prompt() -> Iterator[Prompt]:
    with Prompt() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def hears(name: str, url: str) -> WebhookDelivery:
    """Of an organisation with a webhook and something to tell."""
    made = Organisation.objects.create(name=name, handle=name.lower())
    webhook = add_webhook(made, url, [], PORTAL)
    announce(made.pk, "recorder.online", {})
    return webhook.deliveries.get()


def test_receivers_that_never_answer_hold_nobody_up(silent, prompt):
    """Others are told at once, also of what comes meanwhile; another worker is left to other
    jobs; and the silent ones are not asked again for a while, whatever waits for them."""
    url = f"http://127.0.0.1:{prompt.server_port}/"
    slow = [hears(f"Slow{number}", silent) for number in range(3)]
    at_once, soon = hears("Harbour", url), hears("Quay", url)
    soon.not_before = timezone.now() + timedelta(seconds=0.2)
    soon.save()
    announce(slow[0].webhook.organisation_id, "recorder.offline", {})
    assert postman.take_turn() is False
    assert time.monotonic() - max(prompt.told_at) > PATIENCE_S / 4
    assert prompt.others_turn == [False, False]
    states = dict(WebhookDelivery.objects.values_list("pk", "state"))
    assert [states[one.pk] for one in (at_once, soon)] == [State.DONE] * 2
    attempts = WebhookDelivery.objects.filter(webhook__url=silent).order_by("created_at")
    assert [one.attempt for one in attempts] == [1, 1, 1, 0]
    assert Webhook.objects.filter(rests_until__gt=timezone.now()).count() == 3
    assert next_of_each(timezone.now(), 9) == []
