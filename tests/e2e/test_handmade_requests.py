"""Without the page: handmade requests to portal, relay and recorder get nothing a grant does not
give (A2, A4). Run against the real programs, by plain HTTP."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from protocol.tokens import ACCESS_LIFETIME_S, LEEWAY_S

LIVE = "/v1/cameras/1/live?profile=sd"
SNAPSHOT = "/v1/cameras/1/snapshot.jpg"
CLIP = "/v1/cameras/1/clip.mp4?start=2026-01-01T00:00:00Z&end=2026-01-01T00:00:10Z&profile=sd"


def ask(url: str, path: str, token: str | None = None, scheme: str = "Bearer", body=None):
    """Status and the first bytes of the answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    headers = {"Authorization": f"{scheme} {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body)
    try:
        connection.request("GET" if body is None else "POST", path, data, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(65_536)
    finally:
        connection.close()


@pytest.fixture(scope="module")
def doors(demo):
    """The relay's and the recorder's own address of the same recorder: both must say the same."""
    recorder = demo.facts["recorders"][0]
    relay = (demo.url, f"/relay/v1/recorders/{recorder['id']}")
    return {"relay": relay, "recorder": (recorder["local_url"], "")}


@pytest.fixture(scope="module")
def viewer_token(demo):
    return access_token(demo, "viewer")


def access_token(demo, person: str) -> str:
    status, answer = open_session(demo, person)
    assert status == 201
    return json.loads(answer)["token"]


def open_session(demo, person: str):
    path = f"/api/v1/recorders/{demo.facts['recorders'][0]['id']}/session/"
    return ask(demo.url, path, api_key(demo, person), "Token", body={})


def api_key(demo, person: str) -> str:
    account = demo.account(person)
    body = {"email": account.email, "password": account.password, "name": "handmade"}
    status, answer = ask(demo.url, "/api/v1/token/", body=body)
    assert status == 201
    return json.loads(answer)["token"]


@pytest.fixture(params=["relay", "recorder"])
def door(request, doors):
    url, prefix = doors[request.param]
    return lambda path, token=None: ask(url, prefix + path, token)


def test_the_token_opens_what_it_names(door, viewer_token):
    status, body = door(LIVE, viewer_token)
    assert status == 200
    assert body[4:8] == b"ftyp"


def test_the_token_opens_nothing_else(door, viewer_token):
    """A4: the viewer may watch and play back, not export."""
    status, body = door(CLIP, viewer_token)
    assert status == 403
    assert json.loads(body)["code"] == "not_granted"


@pytest.mark.parametrize("path", ["/v1/cameras", LIVE, SNAPSHOT, CLIP])
@pytest.mark.parametrize("token", [None, "x", "a.b.c"])
def test_nothing_opens_without_a_token(door, path, token):
    """A4"""
    assert door(path, token)[0] == 401


@pytest.mark.parametrize(
    "path", ["/", "/v1/../etc/passwd", "/etc/passwd", "/v1/%2e%2e/x", "/v1/cameras/1/live/../../x"]
)
def test_there_is_no_other_route(door, viewer_token, path):
    """R13"""
    status, body = door(path, viewer_token)
    assert status in (303, 400, 404)  # 303: the sign-in of the recorder's own page
    assert b"root:" not in body


def test_a_stranger_gets_no_token(demo):
    """A2"""
    assert open_session(demo, "stranger")[0] == 404


def test_a_copied_token_dies(doors, copied_token):
    """A4: within 60 s and the leeway for clocks."""
    dead_at = copied_token.issued_at + ACCESS_LIFETIME_S + LEEWAY_S + 1
    time.sleep(max(0, dead_at - time.monotonic()))
    answers = {ask(url, prefix + SNAPSHOT, copied_token.text)[0] for url, prefix in doors.values()}
    assert answers == {401}
