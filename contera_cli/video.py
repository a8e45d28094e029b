"""Live and recorded video as one stream of bytes that any player of fragmented MP4 takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import urllib3
from urllib3.exceptions import HTTPError

from contera_cli.errors import CommandFailed, Refused
from contera_cli.portal import Camera
from contera_cli.session import Session
from protocol.fragments import Segment, SegmentReader
from protocol.times import format_time, parse_time

CHUNK = 64 * 1024
PIECE = timedelta(seconds=60)  # the most that a recorder gives at once
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0)  # 40 s: a recorder that restarts is back then


class Splice:
    """Joins pieces that overlap: every frame once and in order, an initialisation segment only
    where it differs from the last."""

    def __init__(self) -> None:
        self._init = b""
        self.last_90k = -1

    def take(self, segment: Segment) -> bytes:
        """What is to be written of it, maybe nothing."""
        if segment.is_init:
            is_new = segment.data != self._init
            self._init = segment.data
            return segment.data if is_new else b""
        if segment.decode_time <= self.last_90k:
            return b""
        self.last_90k = segment.decode_time
        return segment.data


def live(
    session: Session, camera: Camera, profile: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """Endless; goes on after an interruption with the frame that comes next. Raises Refused when
    the right is gone, CommandFailed when nothing came for 40 s."""
    splice, failures = Splice(), 0
    while True:
        began = clock()
        try:
            yield from _live_once(session, camera, profile, splice)
        except (HTTPError, OSError, Refused) as error:
            if isinstance(error, Refused) and error.status in (400, 401, 403, 404):
                raise
        failures = 0 if clock() - began > sum(BACK_OFF_S) else failures + 1
        if failures > len(BACK_OFF_S):
            raise CommandFailed(f"{camera} sends nothing any more.")
        time.sleep(BACK_OFF_S[max(0, failures - 1)])


def _live_once(session: Session, camera: Camera, profile: str, splice: Splice) -> Iterator[bytes]:
    query = {"profile": profile}
    if splice.last_90k > 0:
        query["since"] = str(splice.last_90k)
    answer = session.get(f"/v1/cameras/{camera.number}/live", query)
    stream_id, reader = answer.headers["Contera-Stream"], SegmentReader()
    for chunk in answer.stream(CHUNK, decode_content=False):
        for segment in reader.feed(chunk):
            if piece := splice.take(segment):
                yield piece
        session.sustain(stream_id)


def recorded(
    session: Session, camera: Camera, profile: str, start: datetime, end: datetime
) -> Iterator[bytes]:
    """What is recorded from start to end, gaps left out. Raises CommandFailed when nothing is."""
    splice, at, is_empty = Splice(), format_time(start), True
    while at and (now := parse_time(at)) < end:
        length = min(PIECE, end - now).total_seconds()
        query = {"start": at, "duration": f"{max(1, round(length))}", "profile": profile}
        try:
            answer = session.get(f"/v1/cameras/{camera.number}/video", query)
        except Refused as refused:
            if refused.code != "no_recording":
                raise
            following = refused.told.get("next") or ""
        else:
            yield from (piece for piece in _pieces(answer, splice) if piece)
            is_empty = False
            following = answer.headers.get("Contera-Next") or answer.headers["Contera-End"]
        at = following if following and parse_time(following) > now else ""
    if is_empty:
        raise CommandFailed(f"{camera} recorded nothing between these times.")


def _pieces(answer: urllib3.BaseHTTPResponse, splice: Splice) -> Iterator[bytes]:
    reader = SegmentReader()
    for chunk in answer.stream(CHUNK, decode_content=False):
        for segment in reader.feed(chunk):
            yield splice.take(segment)
