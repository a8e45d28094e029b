"""Live fan-out: one camera and profile, pulled from the site once, however many watch it."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocol.errors import ProtocolError
from protocol.fragments import SegmentReader
from protocol.http_message import Request, ResponseHead
from streaming.relay import refusals
from streaming.relay.access import Credential, LiveTarget
from streaming.relay.exchange import Exchange
from streaming.relay.limits import (
    LINGER_S,
    MAX_PROBLEM_BYTES,
    MAX_VIEWERS,
    RENEW_BEFORE_S,
    RENEW_RETRY_S,
)
from streaming.relay.picture import Picture
from streaming.relay.refusals import Refusal
from streaming.relay.viewer import LiveViewer

if TYPE_CHECKING:
    from streaming.relay.hub import Hub

_STREAM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class State(enum.Enum):
    STARTING = "starting"
    RUNNING = "running"
    REFUSED = "refused"  # the recorder answers with a problem; its body is being collected
    OVER = "over"


class Feed:
    """A Sink for the recorder's stream, and the list of those who watch it."""

    def __init__(self, hub: Hub, recorder_id: str, target: LiveTarget) -> None:
        self.recorder_id = recorder_id
        self.target = target
        self._since = target.since
        self.state = State.STARTING
        self.viewers: dict[str, LiveViewer] = {}
        self._seats: tuple[LiveViewer, ...] = ()  # the same, unchanged while frames go out
        self.on_over: Callable[[Feed], None] = _ignore
        self._hub = hub
        self._now = hub.clock.monotonic
        self._exchange: Exchange | None = None
        self._head: ResponseHead | None = None
        self._problem = bytearray()
        self._reader = SegmentReader()
        self._picture = Picture()
        self._sustained_until = 0  # Unix seconds: when the token the recorder holds expires
        self._renew_at = 0.0
        self._empty_since: float | None = None

    def start(self, credential: Credential) -> None:
        """Asks the recorder, with the first viewer's token; raises Refusal when it cannot."""
        target = f"/v1/cameras/{self.target.camera}/live?profile={self.target.profile}"
        if self._since is not None:
            target += f"&since={self._since}"
            self._since = None  # later starts have nothing from before
        self._sustained_until = credential.access.expires_at
        request = Request("GET", target)
        self._exchange = self._hub.submit(self.recorder_id, request, credential, self)

    def join(self, viewer: LiveViewer) -> None:
        if len(self.viewers) >= MAX_VIEWERS:
            raise refusals.too_busy("viewers of this camera")
        self.viewers[viewer.id] = viewer
        self._seats = tuple(self.viewers.values())
        self._empty_since = None
        if self.state is State.RUNNING and self._head is not None:
            self._begin(viewer, self._head)
            viewer.join(self._picture.segments(viewer.target.since), self._now())

    def leave(self, viewer: LiveViewer) -> None:
        if self.viewers.pop(viewer.id, None) is not None:
            self._seats = tuple(self.viewers.values())
            self._hub.counters["frames_dropped"] += viewer.backlog.dropped_frames
            self._hub.viewings.end(viewer)
            self._hub.forget_viewer(viewer)
        if not self.viewers:
            self._empty_since = self._now()

    def _begin(self, viewer: LiveViewer, head: ResponseHead) -> None:
        viewer.begin(head)
        self._hub.viewings.begin(viewer)

    def check(self, now: float, unix_s: float) -> None:
        """Once a tick: cuts who may not watch or takes nothing, renews, ends after the last."""
        for viewer in list(self.viewers.values()):
            if not viewer.may_watch(unix_s):
                self.cut(viewer, _no_longer(viewer, unix_s))
            elif viewer.is_stalled(now):
                self.cut(viewer, Refusal(408, "too_slow", "Nothing was read for too long."))
        if self._empty_since is not None and now - self._empty_since > LINGER_S:
            self._end(None)
        elif self.state is State.RUNNING:
            self._renew_if_due(now, unix_s)

    def cut(self, viewer: LiveViewer, refusal: Refusal) -> None:
        self._hub.counters[f"cut_{refusal.code}"] += 1
        self.leave(viewer)
        viewer.refuse(refusal)

    def stop(self) -> None:
        """Ends every viewer's stream politely."""
        self._end(None)

    # The Sink of the recorder's stream.

    def on_head(self, head: ResponseHead) -> None:
        self._head = head
        media_type = (head.header("content-type") or "").partition(";")[0]
        if head.status == 200 and media_type == "video/mp4":
            self.state = State.RUNNING
            for viewer in list(self.viewers.values()):
                self._begin(viewer, head)
        elif head.status >= 400:
            self.state = State.REFUSED
        else:
            raise ProtocolError("bad_answer", f"live video answered {head.status} {media_type}")

    def on_body(self, data: bytes) -> None:
        if self.state is State.REFUSED:
            self._problem += data
            if len(self._problem) > MAX_PROBLEM_BYTES:
                raise ProtocolError("bad_answer", "a problem with more than 64 KiB")
            return
        now = self._now()
        for segment in self._reader.feed(data):
            self._picture.add(segment)
            for viewer in self._seats:
                viewer.push(segment, now)

    def on_end(self) -> None:
        if self.state is State.REFUSED and self._head is not None:
            head, body = self._head, bytes(self._problem)
            for viewer in self._dismiss():
                viewer.answer(head, body)
            return
        self._end(Refusal(503, "stream_ended", "The recorder ended the stream."))

    def on_failure(self, refusal: Refusal) -> None:
        if refusal.code == "replaced" and self.viewers:
            self._move()
        else:
            self._end(refusal)

    def _move(self) -> None:
        """The recorder was started anew and took its link over: the same viewers go on with what it
        sends, from the next initialisation segment (R2)."""
        self._hub.counters["feed_moved"] += 1
        self.state = State.STARTING
        self._head, self._problem, self._reader = None, bytearray(), SegmentReader()
        try:
            self.start(self._freshest())
        except Refusal as refusal:
            self._end(refusal)

    def _freshest(self) -> Credential:
        """The credential that lasts longest among the viewers'; there must be one."""
        credentials = (viewer.credential for viewer in self.viewers.values())
        return max(credentials, key=lambda credential: credential.access.expires_at)

    def _renew_if_due(self, now: float, unix_s: float) -> None:
        if self._sustained_until - unix_s > RENEW_BEFORE_S or now < self._renew_at:
            return
        if not self.viewers:
            return
        freshest = self._freshest()
        if freshest.access.expires_at <= self._sustained_until:
            return
        self._renew_at = now + RENEW_RETRY_S
        self._renew(freshest)

    def _renew(self, credential: Credential) -> None:
        stream_id = (self._head and self._head.header("contera-stream")) or ""
        if not _STREAM_ID.fullmatch(stream_id):
            return
        request = Request("POST", f"/v1/streams/{stream_id}/renewal")
        sink = _Renewal(self, credential.access.expires_at)
        try:
            self._hub.submit(self.recorder_id, request, credential, sink)
        except Refusal as refusal:
            self.renewal_failed(refusal.code)

    def renewed(self, expires_at: int) -> None:
        self._sustained_until = max(self._sustained_until, expires_at)

    def renewal_failed(self, code: str) -> None:
        """Tried again in RENEW_RETRY_S; without success the recorder ends the stream."""
        self._hub.counters[f"renewal_failed_{code}"] += 1

    def _end(self, refusal: Refusal | None) -> None:
        for viewer in self._dismiss():
            if refusal is None:
                viewer.end()
            else:
                viewer.refuse(refusal)

    def _dismiss(self) -> list[LiveViewer]:
        """The feed is over; gives those who watched it."""
        self.state = State.OVER
        viewers = list(self.viewers.values())
        for viewer in viewers:
            self.leave(viewer)
        if self._exchange is not None:
            self._exchange.cancel()
        self.on_over(self)
        return viewers


class _Renewal:
    """The recorder's answer to a renewal: 204, or a reason to try again."""

    def __init__(self, feed: Feed, expires_at: int) -> None:
        self._feed = feed
        self._expires_at = expires_at

    def on_head(self, head: ResponseHead) -> None:
        if head.status == 204:
            self._feed.renewed(self._expires_at)
        else:
            self._feed.renewal_failed(str(head.status))

    def on_body(self, data: bytes) -> None:
        """A problem's words; the status said enough."""

    def on_end(self) -> None:
        """Nothing more to do."""

    def on_failure(self, refusal: Refusal) -> None:
        self._feed.renewal_failed(refusal.code)


def _no_longer(viewer: LiveViewer, unix_s: float) -> Refusal:
    if viewer.credential.access.expires_at <= unix_s:
        return Refusal(401, "token_expired", "The stream's token expired and was not renewed.")
    return refusals.not_granted("live") if viewer.credential.has_relay else refusals.relay_off()


def _ignore(_feed: Feed) -> None:
    """Until the hub owns the feed."""
