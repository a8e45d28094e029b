"""A2, A4: every route of the recorder by each right alone by whose token; the relay in front of it
lets through the same and no more."""

from __future__ import annotations

import pytest

from cmr.api.routes import ROUTES, Route
from protocol.http_message import Request
from protocol.tokens import RIGHTS, KeyRing
from streaming.relay.access import check_right, verify_viewer
from streaming.relay.refusals import Refusal
from tests.cmr.api.asking import END, START, ask, body
from tests.cmr.conftest import NOW, RECORDER_ID

RANGE = f"start={START}&end={END}"
STREAM = "0" * 32
# Request → the right at the camera that it needs; "" where any good token may ask.
POLICY = {
    "GET /v1/": "",
    "GET /v1/cameras": "",
    "GET /v1/cameras/1/live": "live",
    f"GET /v1/cameras/1/recordings?{RANGE}": "playback",
    f"GET /v1/cameras/1/video?start={START}&duration=2": "playback",
    f"GET /v1/cameras/1/clip.mp4?{RANGE}": "export",
    "GET /v1/cameras/1/snapshot.jpg": "live",
    f"GET /v1/cameras/1/snapshot.jpg?time={END}": "playback",
    f"POST /v1/streams/{STREAM}/renewal": "",  # of a stream whose number nobody guesses
    "POST /v1/access-changes": "",  # the portal alone: tests/cmr/doors/test_access_changes.py
    "POST /v1/network-test": "",  # needs a right of the recorder: tests/cmr/api/test_routes.py
    "GET /v1/network-test": "",
    "POST /v1/p2p": "",
    f"POST /v1/p2p/{STREAM}/candidates": "",
    f"POST /v1/p2p/{STREAM}/close": "",
}
OPEN = [line for line, right in POLICY.items() if not right]
GUARDED = [line for line, right in POLICY.items() if right]


def _route(line: str) -> Route:
    method, _, target = line.partition(" ")
    path = target.partition("?")[0]
    return next(r for r in ROUTES if r.method == method and r.path.fullmatch(path))


def test_no_route_of_the_recorder_is_without_a_policy():
    """P1: a new one fails the build until it is judged here."""
    assert {_route(line) for line in POLICY} == set(ROUTES)


async def _asked(api, line: str, token: str | None) -> tuple[int, str]:
    """Status and, of a refusal, its code."""
    method, _, target = line.partition(" ")
    response = await ask(api, target, token, method)
    await response.aclose()
    return response.status, body(response)["code"] if response.status >= 400 else ""


def _relayed(portal, line: str, token: str | None, recorder: str = RECORDER_ID) -> tuple[int, str]:
    """What the relay makes of the same request, 0 where it passes it on."""
    method, _, target = line.partition(" ")
    try:
        credential = verify_viewer(KeyRing({"keys": [portal.jwk]}), token, recorder, NOW)
        check_right(credential, Request(method, target))
    except Refusal as refusal:
        return refusal.status, refusal.code
    return 0, ""


@pytest.mark.parametrize("right", RIGHTS)
async def test_one_right_alone_opens_its_routes_and_no_other(api, portal, token, right):
    for line in GUARDED:
        expected = (0, "") if right == POLICY[line] else (403, "not_granted")
        status, code = await _asked(api, line, token(right))
        assert (0 if status == 200 else status, code) == expected, line
        assert _relayed(portal, line, token(right)) == expected, line


@pytest.mark.parametrize("line", POLICY)
async def test_no_route_takes_a_token_of_another_recorder_or_of_the_past(api, portal, token, line):
    foreign, old = token(recorder="another"), token(now=NOW - 66)
    assert await _asked(api, line, None) == (401, "token_missing")
    assert await _asked(api, line, foreign) == (401, "token_not_for_this")
    assert await _asked(api, line, old) == (401, "token_expired")
    assert _relayed(portal, line, None) == (401, "token_missing")
    assert _relayed(portal, line, foreign)[0] == 404
    assert _relayed(portal, line, old)[0] == 401


@pytest.mark.parametrize("line", GUARDED)
async def test_every_right_at_another_camera_opens_nothing_here(api, portal, token, line):
    elsewhere = token(*RIGHTS, cameras=(2,))
    assert await _asked(api, line, elsewhere) == (403, "not_granted")
    assert _relayed(portal, line, elsewhere) == (403, "not_granted")


async def test_a_token_without_the_relay_carries_no_video_there(portal, token):
    for line in GUARDED:
        assert _relayed(portal, line, token(paths=("lan",))) == (403, "relay_off"), line
