"""No answer holds a frame of footage that the token does not cover (A6)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cmr.api.message import Response
from cmr.api.routes import Api, is_allowed
from cmr.archive.writer import ArchiveWriter
from cmr.cameras.camera import Camera
from cmr.identity import Identity
from cmr.registration import Registration
from protocol.footage import Span, covers, joined
from protocol.fragments import SegmentReader
from protocol.http_message import Request
from protocol.times import parse_time, to_90k
from protocol.tokens import AccessToken, KeyRing, Signer, sign_access_token
from tests.cmr.api.asking import ask, at, body, content, problem, value
from tests.cmr.conftest import Nowhere
from tests.fakes.footage import footage
from tests.fakes.segments import NOON, segments

TICKS = 90_000
NOON_S = NOON // TICKS
PORTAL = Signer(Ed25519PrivateKey.generate(), "portal")
FILM = footage(frames=60, group=30)  # a key frame every 2 s
SECOND_RUN_S = 40  # the first lasts 20 s, the second as long

seconds = st.integers(-5, SECOND_RUN_S + 25)
spans = st.lists(st.tuples(st.none() | seconds, st.none() | seconds), max_size=4)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """A camera that recorded twice for 20 s, a key frame every 2 s, on real disks."""
    folder: Path = tmp_path_factory.mktemp("footage")
    for start in (0, SECOND_RUN_S):
        writer = ArchiveWriter(folder, 10**9, wall=lambda: NOON_S + 120, steady=lambda: 0.0)
        for segment in segments(NOON + start * TICKS, 20, FILM):
            writer.write(1, "hd", segment)
        writer.start()
        writer.stop()
    identity = Identity(
        recorder_id="recorder",
        name="Gate",
        organisation="Harbour",
        portal_url="https://portal.test",
        key=Ed25519PrivateKey.generate(),
        keys=KeyRing({"keys": [PORTAL.jwk]}),
        heartbeat_s=15,
    )
    camera = Camera(1, "Car park", {"hd": "rtsp://camera.test"}, Nowhere())
    registration = Registration(identity, clock=lambda: float(NOON_S))
    return Api({1: camera}, writer.reader, registration)


def _absolute(given_spans: list[Span]) -> list[Span]:
    return [
        (None if a is None else NOON_S + a, None if b is None else NOON_S + b)
        for a, b in given_spans
    ]


def _token(given_spans: list[Span], *rights: str) -> str:
    rights = rights or ("live", "playback", "export")
    found = joined(_absolute(given_spans))
    limits = {(right, 1): found for right in ("playback", "export")}
    grants = {1: frozenset(rights)}
    access = AccessToken("s", "u", "o", "recorder", 0, grants, footage=limits)
    return sign_access_token(PORTAL, access, NOON_S)


def _moment(text: str | None) -> float | None:
    return None if text is None else to_90k(parse_time(text)) / TICKS


def _is_told(given_spans: list[Span], *moments: float | None) -> bool:
    """Whether all these times are ones that the token is about."""
    found = joined(_absolute(given_spans))
    return all(moment is None or covers(found, moment, moment) for moment in moments)


async def _frames(response: Response) -> list[float]:
    parts = SegmentReader().feed(await content(response))
    return [part.decode_time / TICKS for part in parts if not part.is_init]


@settings(deadline=None, max_examples=60)
@given(spans=spans, start=seconds, duration=st.integers(1, 30))
def test_no_answer_holds_or_names_a_moment_outside_the_spans(
    api: Api, spans: list[Span], start: int, duration: int
) -> None:
    asyncio.run(_asks_everything(api, spans, start, duration))


async def _asks_everything(api: Api, spans: list[Span], start: int, duration: int) -> None:
    token, found = _token(spans), joined(_absolute(spans))
    begin, end = at(NOON + start * TICKS), at(NOON + (start + duration) * TICKS)
    is_inside = covers(found, NOON_S + start, NOON_S + start + 1 / TICKS)

    video = await ask(api, f"/v1/cameras/1/video?start={begin}&duration={duration}", token)
    told = [_moment(value(video, "Contera-Start")), _moment(value(video, "Contera-Next"))]
    if video.status == 200:
        frames = await _frames(video)
        assert frames
        assert is_inside
        assert _is_told(spans, *frames, *told)
    else:
        assert (video.status == 403) == (not is_inside)
        assert _is_told(spans, _moment(body(video)["next"]))

    clip = await ask(api, f"/v1/cameras/1/clip.mp4?start={begin}&end={end}", token)
    is_covered = covers(found, NOON_S + start, NOON_S + start + duration)
    assert (clip.status == 403) == (not is_covered)
    if clip.status == 200:
        first, last = (_moment(value(clip, f"Contera-{name}")) for name in ("Start", "End"))
        frames = await _frames(_without_index(clip, await content(clip)))
        assert covers(found, first or 0, last or 0)
        assert max(frames) - min(frames) <= (last or 0) - (first or 0)  # they begin at zero

    picture = await ask(api, f"/v1/cameras/1/snapshot.jpg?time={begin}&width=64", token)
    assert (picture.status == 403) == (not is_inside)

    whole = f"start={at(NOON - 10 * TICKS)}&end={at(NOON + 300 * TICKS)}"
    listed = body(await ask(api, f"/v1/cameras/1/recordings?{whole}", token))
    for part in (*listed["runs"], *listed["gaps"]):
        assert covers(found, _moment(part["start"]) or 0, _moment(part["end"]) or 0)

    (camera,) = body(await ask(api, "/v1/cameras", token))["cameras"]
    assert _is_told(spans, _moment(camera["recorded_from"]), _moment(camera["recorded_to"]))


def _without_index(response: Response, data: bytes) -> Response:
    """A clip without its index box, which stands before the fragments."""
    size = int.from_bytes(data[data.index(b"sidx") - 4 : data.index(b"sidx")], "big")
    at_ = data.index(b"sidx") - 4
    return Response(response.status, response.headers, data[:at_] + data[at_ + size :])


async def test_the_group_before_a_span_is_not_sent_and_the_last_one_is_cut(api: Api) -> None:
    token = _token([(3, 9)])
    video = await ask(api, f"/v1/cameras/1/video?start={at(NOON + 3 * TICKS)}&duration=30", token)
    frames = await _frames(video)
    assert frames[0] == NOON_S + 4
    assert NOON_S + 8.9 < frames[-1] < NOON_S + 9
    assert value(video, "Contera-Next") is None


async def test_what_may_be_had_next_is_named(api: Api) -> None:
    token = _token([(2, 5), (45, None)])
    video = await ask(api, f"/v1/cameras/1/video?start={at(NOON + 2 * TICKS)}&duration=10", token)
    await video.aclose()
    assert _moment(value(video, "Contera-Next")) == NOON_S + 46
    refused = await ask(
        api, f"/v1/cameras/1/video?start={at(NOON + 10 * TICKS)}&duration=10", token
    )
    assert problem(refused) == (403, "footage_not_granted")
    assert _moment(body(refused)["next"]) == NOON_S + 46


async def test_who_may_watch_live_alone_is_told_nothing_of_what_is_recorded(api: Api) -> None:
    (camera,) = body(await ask(api, "/v1/cameras", _token([], "live")))["cameras"]
    assert camera["recorded_from"] is camera["recorded_to"] is None


@pytest.mark.parametrize(
    ("now", "is_fine"),
    [([(0, 30)], True), ([(None, 9)], False), ([], False), ([(None, None)], True)],
)
def test_an_answer_under_way_ends_when_its_footage_is_taken_away(
    now: list[Span], is_fine: bool
) -> None:
    """A6: a renewed token covers less than the one before."""
    request = Request("GET", f"/v1/cameras/1/clip.mp4?start={at(NOON)}&end={at(NOON + 9)}")

    def token(given_spans: list[Span]) -> AccessToken:
        limits = {("export", 1): joined(_absolute(given_spans))}
        return AccessToken("s", "u", "o", "r", 0, {1: frozenset({"export"})}, footage=limits)

    assert is_allowed(request, token(now), token([(2, 20)])) == is_fine


async def test_live_reaches_no_further_back_than_a_hand_over_needs(api: Api) -> None:
    """Three seconds, and the group of pictures that holds them."""
    stream = api.cameras[1].streams["hd"]
    for segment in segments(NOON, 20, FILM):
        stream.publish(segment)
    token = _token([], "live")
    live = await ask(api, f"/v1/cameras/1/live?since={NOON}", token)
    reader, first = SegmentReader(), None
    async for chunk in live.body:  # type: ignore[union-attr]  # live is never bytes
        keys = [part for part in reader.feed(chunk) if not part.is_init]
        if keys:
            first = keys[0].decode_time
            break
    await live.aclose()
    assert first is not None
    assert first >= NOON + (20 - 3 - 2 * 2) * TICKS
