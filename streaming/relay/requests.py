"""A viewer's request, the same for every door: checked, then sent on its way."""

from __future__ import annotations

from typing import Protocol

from protocol.http_message import Request, ResponseHead
from streaming.relay import refusals
from streaming.relay.access import (
    Credential,
    LiveTarget,
    RenewalTarget,
    check_live,
    check_right,
    check_target,
    is_access_change,
    live_target,
)
from streaming.relay.feed import Feed
from streaming.relay.hub import Hub
from streaming.relay.outlet import Outlet
from streaming.relay.passage import Passage
from streaming.relay.refusals import Refusal
from streaming.relay.viewer import LiveViewer


class Running(Protocol):
    """An answer that is under way."""

    def drain(self) -> None:
        """The outlet can be written again."""

    def cancel(self) -> None:
        """The viewer wants no more; the outlet hears nothing further."""

    def renew(self, credential: Credential) -> None:
        """The viewer's new token: what it no longer grants ends at once (A6)."""

    def access_changed(self, at: float) -> None:
        """The viewer's rights changed at `at` (Unix seconds): what an older token sustains ends."""

    def check(self, now: float) -> bool:
        """False when the viewer has taken nothing for too long."""


class Watching:
    """A viewer in its feed; the feed itself checks its deadlines."""

    def __init__(self, feed: Feed, viewer: LiveViewer) -> None:
        self._feed = feed
        self._viewer = viewer
        self.drain = viewer.drain

    def cancel(self) -> None:
        self._viewer.is_over = True
        self._feed.leave(self._viewer)

    def renew(self, credential: Credential) -> None:
        self._viewer.credential = credential
        try:
            check_live(credential, self._viewer.target.camera)
        except Refusal as refusal:
            self._feed.cut(self._viewer, refusal)

    def access_changed(self, at: float) -> None:
        if self._viewer.credential.access.issued_at <= at:
            self._feed.cut(self._viewer, refusals.renewal_required())

    def check(self, now: float) -> bool:
        return True


class Passing:
    """A finite answer: its token need only be valid at the start, its right must last."""

    def __init__(self, passage: Passage, request: Request) -> None:
        self._passage = passage
        self._request = request
        self.drain = passage.drain
        self.cancel = passage.cancel
        self.check = passage.check

    def renew(self, credential: Credential) -> None:
        try:
            check_right(credential, self._request)
        except Refusal as refusal:
            self._passage.cut(refusal)

    def access_changed(self, at: float) -> None:
        """A file that is being sent ends with itself."""


def open_request(
    hub: Hub, recorder_id: str, credential: Credential, request: Request, outlet: Outlet
) -> Running | None:
    """Begins to answer; None when the relay itself has answered already.

    Raises Refusal when the request is refused; nothing was written then.
    """
    if request.method not in ("GET", "POST"):
        raise Refusal(405, "method_not_allowed", "A recorder answers GET and POST.")
    check_target(request)
    target = live_target(request)
    if isinstance(target, RenewalTarget):
        _renew(hub, credential, request, target, outlet)
        return None
    if isinstance(target, LiveTarget):
        viewer = LiveViewer(hub.new_stream_id(), target, credential, outlet)
        return Watching(hub.watch(recorder_id, viewer), viewer)
    return _pass_on(hub, recorder_id, credential, request, outlet)


def _renew(
    hub: Hub, credential: Credential, request: Request, target: RenewalTarget, outlet: Outlet
) -> None:
    if request.method != "POST":
        raise Refusal(405, "method_not_allowed", "A stream is renewed with POST.")
    hub.renew_stream(target.stream_id, credential)
    outlet.head(ResponseHead(204))
    outlet.end()


def _pass_on(
    hub: Hub, recorder_id: str, credential: Credential, request: Request, outlet: Outlet
) -> Running:
    check_right(credential, request)
    if is_access_change(request):
        hub.tell_access_change(credential.access)
    passage = Passage(outlet)
    passage.attach(hub.submit(recorder_id, request, credential, passage))
    return Passing(passage, request)
