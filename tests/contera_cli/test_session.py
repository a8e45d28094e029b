"""Tokens that end early, because a right does, are renewed early."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from contera_cli.account import Account
from contera_cli.portal import Camera, Portal
from contera_cli.session import open_session
from contera_cli.web import Web


class Host(HTTPServer):
    """Portal and relay at once: gives a token for each request, and notes them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.renew_after_s: list[int] = []
        self.got: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.got.append((self.path, self.headers["Authorization"]))
        relay = {"via": "relay_socket", "url": f"ws{self.server.url[4:]}/relay/session"}
        opened = {"session_id": "s", "recorder_id": "r", "offers": [relay], "not_offered": []}
        number = len(self.server.got)
        body = {"token": f"token{number}", "renew_after_s": self.server.renew_after_s.pop(0)}
        answer = json.dumps({**opened, **body}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_stream_is_sustained_when_its_token_says_so(host: Host) -> None:
    """A6: by `renew_after_s` of each token, not every 30 s."""
    now = [0.0]
    host.renew_after_s = [30, 2, 30]  # the third is in the relay's answer, which nobody reads
    portal = Portal(Account(host.url, "ctr_x"), Web())
    session = open_session(portal, Camera({"id": "r"}, {}), lambda: now[0])
    for now[0] in (29.0, 30.0, 31.9):
        session.sustain("7")
    assert [path for path, _ in host.got[1:]] == [
        "/api/v1/recorders/r/token/",
        "/relay/v1/streams/7/renewal",
    ]
    assert host.got[-1][1] == "Bearer token2"
    host.renew_after_s = [30, 30]
    now[0] = 32.0
    session.sustain("7")
    assert host.got[-1] == ("/relay/v1/streams/7/renewal", "Bearer token4")
