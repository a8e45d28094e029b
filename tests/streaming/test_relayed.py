"""Recorders that take their time: a worker that waited for them would be lost to all others."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from accounts.audit import PORTAL
from recorders.models import Preflight
from streaming import access_changes, relayed
from streaming.preflight import service
from streaming.relayed import Silence, ask
from streaming.services import NO_PATHS, issue_token
from tests.streaming.real_site import running_site
from tests.streaming.slow_recorder import SLOW

pytestmark = pytest.mark.django_db

PATIENCE_S = 0.4
LATE_S = 8.0  # whatever this machine does besides; the relay itself takes 10 s, or never ends


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


@pytest.fixture
def short(monkeypatch) -> None:
    monkeypatch.setattr(relayed, "ANSWER_S", PATIENCE_S)
    monkeypatch.setattr(access_changes, "ANSWER_S", PATIENCE_S)


@pytest.fixture(params=SLOW)
def slow(request, recorder, settings, short) -> Iterator[str]:
    with running_site(str(recorder.pk), SLOW[request.param]) as site:
        settings.CONTERA_RELAY_URLS = [site.relay.url]
        yield request.param


def test_nothing_of_a_recorder_is_waited_for_longer_than_ten_seconds():
    """P4"""
    assert relayed.ANSWER_S < 10
    assert access_changes.TELL_S < relayed.ANSWER_S


def test_a_question_ends_in_time_and_names_the_recorder(slow, recorder, owner) -> None:
    """P4"""
    token = issue_token(owner, recorder, "preflight", timezone.now(), NO_PATHS).text
    with within(LATE_S), pytest.raises(Silence, match="Recorder “Gate” does not answer"):
        ask(recorder, token, "GET", "/v1/network-test")


def test_a_preflight_says_which_recorder_is_silent(slow, recorder, owner) -> None:
    """P4: and gives the worker back; the person starts it again."""
    started = service.start(recorder, owner, PORTAL, timezone.now())
    with within(LATE_S):
        assert not service.look(started.pk, timezone.now())
    assert Preflight.objects.get().error == "Recorder “Gate” does not answer."


def test_recorders_that_are_told_of_a_change_hold_nobody_up(
    slow, recorder, monkeypatch, caplog
) -> None:
    """P4, A6: many of them together no longer than one."""
    messages = [(str(recorder.pk), "token")] * (access_changes.AT_ONCE * 3)
    monkeypatch.setattr(access_changes, "_messages", lambda *_: iter(messages))
    caplog.set_level(logging.INFO)
    with within(LATE_S):
        access_changes.tell_recorders(["anybody"], timezone.now(), timezone.now())
    assert f"told 0 of {len(messages)} recorders" in caplog.text


OVER = threading.Event()


class Drip(BaseHTTPRequestHandler):
    """A relay node that is none: a byte now and then, without end."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        is_head = self.path.endswith("head")
        self.send_response(200)
        self.send_header("X-Endless" if is_head else "Transfer-Encoding", "chunked")
        self.flush_headers() if is_head else self.end_headers()
        with contextlib.suppress(OSError):
            while not OVER.wait(0.05):
                self.wfile.write(b"x" if is_head else b"1\r\n \r\n")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def drip(settings) -> Iterator[None]:
    OVER.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    settings.CONTERA_RELAY_URLS = [f"http://127.0.0.1:{server.server_port}"] * 3
    yield
    OVER.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("part", ["head", "body"])
def test_several_nodes_together_have_no_more_time_than_one(drip, short, recorder, part) -> None:
    """P4"""
    with within(LATE_S), pytest.raises(Silence, match="Gate"):
        ask(recorder, "token", "POST", f"/v1/{part}")


def test_a_recorder_that_talks_on_keeps_nobody_from_being_told(drip, recorder) -> None:
    """A6: only the status of the answer counts; places for others stay free."""
    web = access_changes.urllib3.PoolManager(retries=False, maxsize=1, block=True)
    ends_at = time.monotonic() + 5
    assert [access_changes._tell(web, ("r", "body"), ends_at) for _ in range(3)] == [False] * 3
