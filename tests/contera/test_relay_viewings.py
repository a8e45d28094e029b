"""How a relay node tells the portal who watched what: to the portal alone, until it is told."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from contera import relay_viewings
from contera.relay_viewings import MAX_BYTES, PATH, deliver_to
from protocol.tokens import MAX_TOKEN_BYTES
from protocol.viewings import MAX_TOLD, Viewing, Watcher
from streaming.relay.viewings import Told
from streaming.services import issue_token
from streaming.viewings import WATCHED
from tests.services.process import free_ports
from tests.tenancy.served import running_portal

TOKEN = "a.secret.token"


def told(recorder_id: str = "r", token: str = TOKEN, ago_s: float = 1.0) -> Told:
    end = time.time() - ago_s
    return Told(Viewing(Watcher("s", "u", 1, "live", "relay"), end - 20, end), recorder_id, token)


@pytest.mark.parametrize(
    ("portal", "is_told"),
    [
        (None, False),
        ("http://portal.example", False),
        ("ftp://portal.example", False),
        ("https://portal.example/.well-known/jwks.json", True),
        ("http://127.0.0.1:8000", True),
    ],
)
def test_tokens_are_not_shown_to_the_network(portal: str | None, is_told: bool, caplog) -> None:
    assert (deliver_to(portal) is not None) == is_told
    assert ("viewings are not told" in caplog.text) != is_told


@pytest.mark.django_db(transaction=True)
async def test_the_portal_writes_them_into_the_trail_once(viewed) -> None:
    """A5: also when the node tells them again, because an answer was lost."""
    deliver, viewing = viewed
    await deliver([viewing])
    await deliver([viewing])
    [line] = [line async for line in AuditEntry.objects.filter(action=WATCHED)]
    assert (line.actor_name, line.target) == ("viewer@harbour.test", "Camera 1, Gate")


@pytest.fixture
def viewed(viewer, recorder, cameras) -> Iterator[tuple]:
    """The way to a real portal, and a viewing there."""
    token = issue_token(viewer, recorder, "session", timezone.now()).text
    with running_portal() as port:
        yield deliver_to(f"http://127.0.0.1:{port}"), told(str(recorder.pk), token)


# --- What else may answer at the portal's address -------------------------------------------------


class Portal(HTTPServer):
    """Answers as `answer` says, and keeps what was posted."""

    answer = b"HTTP/1.1 204 No Content\r\n\r\n"

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Portal

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.wfile.write(self.server.answer)

    def do_GET(self) -> None:
        """Where a redirect leads."""
        self.server.paths.append(f"GET {self.path}")
        self.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def portal() -> Iterator[Portal]:
    with Portal() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        *(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % n for n in (408, 425, 429, 500, 503)),
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nLogin",
        b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
async def test_what_was_not_taken_is_told_later(portal: Portal, answer: bytes) -> None:
    """Nor does anybody else get it, whose address is in the answer."""
    portal.answer = answer
    deliver = deliver_to(portal.url)
    with pytest.raises(OSError, match=portal.url) as refused:
        await deliver([told()])
    assert portal.paths == [PATH]
    assert TOKEN not in str(refused.value)


async def test_a_portal_that_is_away_or_silent_is_told_later(monkeypatch) -> None:
    monkeypatch.setattr(relay_viewings, "POST_S", 0.2)
    with pytest.raises(OSError, match="refused"):
        await deliver_to(f"http://127.0.0.1:{free_ports(1)[0]}")([told()])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OSError, match="timed out"):
            await deliver_to(url)([told()])


@pytest.mark.parametrize("status", [400, 403, 404, 413])
async def test_what_the_portal_refuses_holds_the_rest_up_no_longer(
    portal: Portal, status: int, caplog
) -> None:
    portal.answer = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status
    await deliver_to(portal.url)([told()])
    assert f"refused viewings: {status}" in caplog.text
    assert TOKEN not in caplog.text


async def test_large_tokens_come_in_requests_that_the_portal_takes(portal: Portal) -> None:
    """A recorder of many cameras, and grants with many spans."""
    many = [told(str(number), "t" * MAX_TOKEN_BYTES) for number in range(MAX_TOLD)]
    await deliver_to(portal.url)(many)
    assert max(map(len, portal.bodies)) <= MAX_BYTES
    ids = [one["recorder_id"] for body in portal.bodies for one in json.loads(body)["viewings"]]
    assert ids == [one.recorder_id for one in many]
