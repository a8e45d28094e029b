"""What may pass: addresses, rights, headers and media types, as tables."""

from __future__ import annotations

import pytest

from protocol.errors import ProtocolError
from protocol.http_message import Request, ResponseHead
from streaming.relay.access import (
    LiveTarget,
    Need,
    RenewalTarget,
    check_target,
    is_control,
    live_target,
    need_of,
)
from streaming.relay.answers import filter_head, filter_request_headers
from streaming.relay.refusals import Refusal

STREAM = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/cameras/1/live?profile=sd", LiveTarget(1, "sd")),
        ("/v1/cameras/12/live?profile=hd", LiveTarget(12, "hd")),
        ("/v1/cameras/1/live", LiveTarget(1, "hd")),
        ("/v1/cameras/1/live?profile=4k", 400),
        ("/v1/cameras/1/live?profile=hd&profile=sd", 400),
        ("/v1/cameras/1/live?profile=sd&x=1", 400),
        ("/v1/cameras/1/live?profile=sd&since=170000000000000", LiveTarget(1, "sd", 17 * 10**13)),
        ("/v1/cameras/1/live?since=9", LiveTarget(1, "hd", 9)),
        ("/v1/cameras/1/live?since=0", LiveTarget(1, "hd")),
        ("/v1/cameras/1/live?since=-1", 400),
        ("/v1/cameras/1/live?since=", 400),
        ("/v1/cameras/1/live?since=1.5", 400),
        ("/v1/cameras/1/live?since=99999999999999999", 400),
        ("/v1/cameras/1/live?since=1&since=2", 400),
        ("/v1/cameras/1/live?profile", 400),
        ("/v1/cameras/01/live", None),
        ("/v1/cameras/0/live", None),
        ("/v1/cameras/%31/live", None),
        ("/v1/cameras/1/live/", None),
        ("/v1/cameras/1/video?start=x", None),
    ],
)
def test_live_video_is_recognised_in_its_exact_form_only(target: str, expected: object) -> None:
    request = Request("GET", target)
    if expected == 400:
        with pytest.raises(Refusal):
            live_target(request)
    else:
        assert live_target(request) == expected


def test_renewals_of_streams_are_answered_by_the_relay() -> None:
    request = Request("POST", f"/v1/streams/{STREAM}/renewal")
    assert live_target(request) == RenewalTarget(STREAM)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/", None),
        ("/v1/cameras", None),
        ("/v1/cameras/3/recordings?start=a", Need("playback", 3)),
        ("/v1/cameras/3/video", Need("playback", 3)),
        ("/v1/cameras/3/clip.mp4", Need("export", 3)),
        ("/v1/cameras/3/snapshot.jpg?width=64", Need("live", 3)),
        ("/v1/cameras/3/snapshot.jpg?width=64&time=now", Need("playback", 3)),
        ("/v1/cameras/3/ptz", Need("ptz", 3)),
        ("/v1/cameras/3/unlisted", None),
    ],
)
def test_each_address_needs_its_right(target: str, expected: Need | None) -> None:
    """A4."""
    assert need_of(Request("GET", target)) == expected


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/v1/", True),
        ("POST", "/v1/p2p", True),
        ("POST", "/v1/p2p/0a1b-c/candidates", True),
        ("POST", "/v1/p2p/0a1b-c/close", True),
        ("POST", "/v1/access-changes", True),
        ("POST", "/v1/network-test", True),
        ("GET", "/v1/network-test", True),
        ("POST", "/v1/", False),
        ("GET", "/v1/p2p", False),
        ("POST", "/v1/p2p/../../cameras/close", False),
        ("POST", "/v1/p2p/a/b/close", False),
        ("GET", "/v1/cameras", False),
        ("GET", "/v1/cameras/1/live", False),
        ("GET", "/v1/cameras/1/snapshot.jpg", False),
        ("GET", "/v1//", False),
        ("GET", "/v1/network-test/x", False),
    ],
)
def test_only_signalling_and_questions_to_the_recorder_are_control(
    method: str, target: str, expected: bool
) -> None:
    assert is_control(Request(method, target)) is expected


@pytest.mark.parametrize(
    ("target", "limit"),
    [
        ("/v1/p2p", 24 * 1024),
        ("/v1/p2p/a/candidates", 16 * 1024),
        ("/v1/p2p/a/close", 1024),
        ("/v1/access-changes", 1024),
        ("/v1/network-test", 1024),
    ],
)
def test_control_requests_have_small_bodies(target: str, limit: int) -> None:
    """L11."""
    assert is_control(Request("POST", target, body=bytes(limit)))
    with pytest.raises(Refusal) as caught:
        is_control(Request("POST", target, body=bytes(limit + 1)))
    assert caught.value.status == 413


@pytest.mark.parametrize(
    "target", ["/", "/v2/x", "//192.168.1.1/", "/../../etc", "/v1", "/v1/" + "a" * 3000]
)
def test_addresses_outside_the_recorder_api_are_not_sent_on(target: str) -> None:
    """R13."""
    with pytest.raises(Refusal) as caught:
        check_target(Request("GET", target))
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("Content-Type", True),
        ("ETag", True),
        ("Content-Range", True),
        ("Accept-Ranges", True),
        ("Contera-Next", True),
        ("Set-Cookie", False),
        ("Location", False),
        ("Content-Security-Policy", False),
        ("Refresh", False),
        ("Link", False),
        ("Access-Control-Allow-Origin", False),
        ("Content-Encoding", False),
        ("Clear-Site-Data", False),
        ("X-Contera-Stream", False),
    ],
)
def test_only_listed_headers_reach_a_viewer(name: str, passes: bool) -> None:
    """R12."""
    value = "image/jpeg" if name == "Content-Type" else "x"
    kept = filter_head(ResponseHead(200, (("Content-Type", "image/jpeg"), (name, value)))).headers
    assert ((name, value) in kept) is passes


@pytest.mark.parametrize(
    ("status", "media_type", "passes"),
    [
        (200, 'video/mp4; codecs="avc1.64001f"', True),
        (200, "Application/JSON", True),
        (206, "video/mp4", True),
        (404, "application/problem+json", True),
        (200, "text/html", False),
        (200, "image/svg+xml", False),
        (500, "text/html; charset=utf-8", False),
        (200, "video/mp4x", False),
        (200, None, False),
        (204, None, True),
        (304, None, True),
        (301, "video/mp4", False),
        (307, None, False),
    ],
)
def test_only_our_media_types_reach_a_viewer(
    status: int, media_type: str | None, passes: bool
) -> None:
    """R12."""
    headers = (("Content-Type", media_type),) if media_type else ()
    try:
        filter_head(ResponseHead(status, headers))
    except ProtocolError:
        assert not passes
    else:
        assert passes


def test_a_viewer_cannot_say_more_than_listed_headers() -> None:
    sent = (("Authorization", "x"), ("Cookie", "y"), ("RANGE", "bytes=0-1"), ("Host", "z"))
    assert filter_request_headers(sent) == (("RANGE", "bytes=0-1"),)
