"""People of the portal at a recorder's own doors, with the real programs (A6)."""

from __future__ import annotations

import base64
import os
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.conftest import Account, Demo

HEARTBEAT_S = 15
WITHIN_S = 2 * HEARTBEAT_S  # one may be under way already


def status_of(demo: Demo, person: Account) -> int:
    """What the streaming port answers to the portal login."""
    port = demo.facts["recorders"][0]["local"]["streaming_port"]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/cameras")
    words = base64.b64encode(f"{person.email}:{person.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {words}")
    return _status(request)


def sign_in_status(demo: Demo, person: Account) -> int:
    """Of the sign-in at the recorder's own page: 303 leads to the live page."""
    url = demo.facts["recorders"][0]["local_url"]
    fields = {"name": person.email, "password": person.password}
    body = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(f"{url}/sign-in/", body, {"Origin": url})
    return _status(request)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def until(demo: Demo, person: Account, wanted: int) -> None:
    """Waits until the streaming port answers so."""
    start = time.monotonic()
    while (found := status_of(demo, person)) != wanted:
        assert time.monotonic() < start + WITHIN_S, f"{found} after {WITHIN_S} s"
        time.sleep(0.5)


@contextmanager
def portal_away(demo: Demo) -> Iterator[None]:
    """It answers nobody; started again it would come back with another number."""
    pid = demo.pid("portal")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def without_groups(demo: Demo, person: Account) -> Iterator[None]:
    people = demo.api("GET", f"/api/v1/users/?search={urllib.parse.quote(person.email)}")["results"]
    (found,) = people
    address = f"/api/v1/users/{found['id']}/"
    demo.api("PATCH", address, {"groups": []})
    try:
        yield
    finally:
        demo.api("PATCH", address, {"groups": found["groups"]})


def test_people_sign_in_at_the_recorder_while_the_portal_is_away_and_not_once_removed(demo) -> None:
    viewer = demo.account("viewer")
    body = {"email": viewer.email, "password": viewer.password, "name": "test"}
    demo.api("POST", "/api/v1/token/", body)  # the portal sees the password
    until(demo, viewer, 200)
    with portal_away(demo):
        assert sign_in_status(demo, viewer) == 303
        assert status_of(demo, viewer) == 200
        assert status_of(demo, Account(viewer.email, "wrong")) == 401
    with without_groups(demo, viewer):
        until(demo, viewer, 401)
