"""Recorders that answer the portal for ever: a worker that waited would be lost to all others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import urllib3

from streaming import access_changes, relayed

OVER = threading.Event()


class Drip(BaseHTTPRequestHandler):
    """A relay that passes on what a hostile recorder says: a byte now and then, without end."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not OVER.wait(0.05):
                self.wfile.write(b"1\r\n \r\n")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(autouse=True)
def drip(settings) -> Iterator[None]:
    OVER.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.CONTERA_RELAY_URLS = [f"http://127.0.0.1:{server.server_port}"]
    yield
    OVER.set()
    server.shutdown()
    server.server_close()


def test_an_answer_without_end_is_cut(monkeypatch) -> None:
    """R5."""
    monkeypatch.setattr(relayed, "READ_S", 0.5)
    assert relayed.ask(SimpleNamespace(pk="r"), "token", "POST", "/v1/network-test") == (200, {})


def test_a_recorder_that_talks_on_keeps_nobody_from_being_told() -> None:
    """A6: only the status of the answer counts; places for others stay free."""
    web = urllib3.PoolManager(retries=False, maxsize=1, block=True)
    assert [access_changes._tell(web, ("r", "token")) for _ in range(3)] == [False] * 3
