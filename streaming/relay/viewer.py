"""One viewer of a live feed: its token, its queue and its outlet."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.fragments import Segment
from protocol.http_message import ResponseHead, header
from streaming.relay import passage
from streaming.relay.access import Credential, LiveTarget
from streaming.relay.backlog import Backlog, Dropped
from streaming.relay.limits import STALLED_S
from streaming.relay.outlet import Outlet
from streaming.relay.refusals import Refusal

_WORDS = {
    "frames_dropped": "The connection was too slow: the picture jumped to the next key frame.",
    "key_frames_only": "The connection is too slow for all frames: only key frames are sent.",
    "all_frames": "All frames are sent again.",
}


class LiveViewer:
    """Gets every segment of a feed, or is told what it missed; never makes the feed wait."""

    def __init__(
        self, id_: str, target: LiveTarget, credential: Credential, outlet: Outlet
    ) -> None:
        self.id = id_
        self.target = target
        self.credential = credential
        self.is_over = False
        self.backlog = Backlog()
        self._outlet = outlet
        self._has_head = False
        self._blocked_since: float | None = None
        self._is_behind = True  # something waits, or frames are being dropped

    def begin(self, head: ResponseHead) -> None:
        """The feed runs: `Contera-Stream` names this viewer's own stream, not the shared one.

        Nothing to do for a viewer whose feed has moved to a newer start of the recorder.
        """
        if self._has_head:
            return
        kept = tuple(h for h in head.headers if h[0].lower() != "contera-stream")
        self._has_head = True
        self._outlet.head(ResponseHead(head.status, (*kept, ("Contera-Stream", self.id))))

    def join(self, segments: Sequence[Segment], now: float) -> None:
        """Initialisation segment and current group of pictures."""
        self.backlog.join(segments, now)
        self.drain()

    def push(self, segment: Segment, now: float) -> None:
        if self._is_behind or not self._outlet.offer(segment.data):
            self.backlog.offer(segment, now)
            self.drain()

    def drain(self) -> None:
        """Writes what waits, as far as the viewer takes it."""
        while not self.is_over and self.backlog and self._outlet.is_writable:
            item = self.backlog.take()
            if isinstance(item, Dropped):
                self._tell(item)
            elif item is not None:
                self._outlet.data(item.data)
                self._blocked_since = None
        self._is_behind = not self.backlog.passes_all

    def is_stalled(self, now: float) -> bool:
        """True when the viewer has taken nothing for too long though something waits."""
        if self._outlet.is_writable:
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = now
        return self._blocked_since is not None and now - self._blocked_since > STALLED_S

    def may_watch(self, unix_s: float) -> bool:
        credential = self.credential
        return credential.access.expires_at > unix_s and credential.may_watch(self.target.camera)

    def refuse(self, refusal: Refusal) -> None:
        """Ends the stream with the reason: as an answer when none began, else in mid-stream."""
        if self.is_over:
            return
        self.is_over = True
        if self._has_head:
            self._outlet.fail(refusal.code, refusal.message)
        else:
            passage.answer(self._outlet, refusal)

    def answer(self, head: ResponseHead, body: bytes) -> None:
        """The recorder's own refusal, as it was; in mid-stream only its status can be said."""
        if self._has_head:
            self.refuse(Refusal(503, "stream_ended", f"The recorder answers {head.status} now."))
        elif not self.is_over:
            self.is_over = True
            self._outlet.head(_with_length(head, len(body)))
            self._outlet.data(body)
            self._outlet.end()

    def end(self) -> None:
        """The stream is complete (the relay is being stopped)."""
        if not self.is_over:
            self.is_over = True
            self._outlet.end()

    def _tell(self, item: Dropped) -> None:
        total = self.backlog.dropped_frames
        self._outlet.notice(item.code, _WORDS[item.code], frames=item.frames, total=total)


def _with_length(head: ResponseHead, size: int) -> ResponseHead:
    if header(head.headers, "content-length") is not None:
        return head
    return ResponseHead(head.status, (*head.headers, ("Content-Length", str(size))))
