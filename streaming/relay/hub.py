"""The relay's state: links, exchanges and feeds. Knows no HTTP server and keeps nothing on disk.

Everything here is synchronous and runs on one event loop; `run` checks all deadlines once a tick,
so that no request needs a timer or a task of its own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from protocol.http_message import Request, format_request
from protocol.tokens import AccessToken, KeyRing, RelayPass, TokenError
from streaming.relay import refusals
from streaming.relay.access import Credential, check_live, verify_viewer
from streaming.relay.answers import filter_request_headers
from streaming.relay.audience import Audience, Served
from streaming.relay.clock import Clock
from streaming.relay.exchange import Exchange, Sink, Source, State
from streaming.relay.feed import Feed
from streaming.relay.limits import (
    MAX_EXCHANGES,
    MAX_LINKS,
    MAX_SESSIONS,
    TICK_S,
)
from streaming.relay.links import Link, Poll, new_poll
from streaming.relay.passes import PassReader
from streaming.relay.refusals import Refusal
from streaming.relay.viewer import LiveViewer
from streaming.relay.viewings import RelayViewings

FeedKey = tuple[str, int, str]


class Checked(Served, Protocol):
    """Whatever serves a viewer, and wants to look at its deadlines once a tick."""

    def check(self, now: float, unix_s: float) -> None: ...
    def stop(self) -> None:
        """The relay is being stopped."""


class RecorderSocket(Protocol):
    """A WebSocket that a recorder answers by; `boot` is the start of the recorder it belongs to."""

    recorder_id: str
    boot: str

    def dismiss(self, reason: str) -> None: ...


class Hub:
    """`keys` gives the portal's current public keys; `clock` and `new_id` are replaced by tests."""

    def __init__(
        self,
        keys: Callable[[], KeyRing],
        clock: Clock | None = None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self.clock = clock or Clock()
        self.counters: Counter[str] = Counter()  # events by reason, since the start
        self.viewings = RelayViewings(self.clock, self.counters)
        self.is_stopping = False
        self._keys = keys
        self._new_id = new_id
        self._links: dict[str, Link] = {}
        self._exchanges: dict[str, Exchange] = {}
        self._open_at: dict[str, set[Exchange]] = {}  # the same, by recorder
        self._sockets: dict[str, RecorderSocket] = {}
        self._feeds: dict[FeedKey, Feed] = {}
        self._viewers: dict[str, LiveViewer] = {}
        self._checked: dict[Checked, None] = {}  # sessions and passages, in order of arrival
        self._audience = Audience(self.counters)
        self._passes = PassReader(keys)

    # Recorders.

    def verify_pass(self, token: str | None) -> RelayPass:
        """Raises Refusal 401 for anything but a valid pass (R1)."""
        if token is None:
            raise Refusal(401, "token_missing", "The request carries no relay pass.")
        try:
            return self._passes.read(token, int(self.clock.unix()))
        except TokenError as error:
            self.counters[f"pass_{error.code}"] += 1
            raise refusals.unauthorized(error) from None

    def open_poll(self, recorder_id: str, boot: str) -> Poll:
        """A poll whose `answer` the recorder's door awaits; it calls `drop_poll` in any case.

        Raises Refusal 409 `replaced`, 503 `link_flapping`, `relay_stopping` or `too_busy`.
        """
        if self.is_stopping:
            raise refusals.stopping()
        now = self.clock.monotonic()
        link = self._links.get(recorder_id)
        if link is None:
            link = self._new_link(recorder_id, boot, now)
        elif link.boot != boot:
            self._replace(link, boot, now)
        poll = new_poll(now)
        link.open_poll(poll, now)
        return poll

    def drop_poll(self, recorder_id: str, poll: Poll) -> None:
        link = self._links.get(recorder_id)
        if link is not None:
            link.drop_poll(poll, self.clock.monotonic())

    def put_back(self, exchange: Exchange) -> None:
        """The poll that was given this exchange died before it could send it."""
        link = self._links.get(exchange.recorder_id)
        if link is not None and exchange.state is State.HANDED:
            link.put_back(exchange, self.clock.monotonic())

    def begin_answer(self, exchange_id: str, recorder_id: str, source: Source) -> Exchange:
        """The exchange that this recorder answers now.

        Raises Refusal 404, the same for unknown, foreign, answered and cancelled ones (R3).
        """
        exchange = self._exchanges.get(exchange_id)
        if (
            exchange is None
            or exchange.recorder_id != recorder_id
            or exchange.state is not State.HANDED
        ):
            self.counters["answer_without_exchange"] += 1
            raise refusals.exchange_not_found()
        exchange.begin(source)
        return exchange

    def answer_of(self, exchange_id: str, recorder_id: str) -> Source | None:
        """What this recorder's answer to an exchange comes from, while it does."""
        exchange = self._exchanges.get(exchange_id)
        if exchange is None or exchange.recorder_id != recorder_id:
            return None
        return exchange.source

    def keep_socket(self, socket: RecorderSocket) -> None:
        """The recorder answers by this one from now on. Raises Refusal 409 for a start of the
        recorder that a newer one replaced, 503 when there are too many."""
        if self.is_stopping:
            raise refusals.stopping()
        recorder_id = socket.recorder_id
        link = self._links.get(recorder_id)
        if link is not None and link.boot != socket.boot:
            raise refusals.replaced()
        older = self._sockets.pop(recorder_id, None)
        if older is None and len(self._sockets) >= MAX_LINKS:
            raise refusals.too_busy("recorders")
        self._sockets[recorder_id] = socket
        if older is not None:
            older.dismiss("replaced")

    def drop_socket(self, socket: RecorderSocket) -> None:
        if self._sockets.get(socket.recorder_id) is socket:
            del self._sockets[socket.recorder_id]

    def is_linked(self, recorder_id: str) -> bool:
        link = self._links.get(recorder_id)
        return link is not None and link.is_alive(self.clock.monotonic())

    # Viewers.

    def verify_viewer(self, token: str | None, recorder_id: str) -> Credential:
        """Raises Refusal 401, or 404 when the token is for another recorder."""
        return verify_viewer(self._keys(), token, recorder_id, int(self.clock.unix()))

    def submit(
        self, recorder_id: str, request: Request, credential: Credential, sink: Sink
    ) -> Exchange:
        """Sends a request to a recorder; the answer goes to `sink`, never before this returns.

        Raises Refusal 503 when the recorder is not linked or has too much to do, and 400 when the
        request would not survive the way.
        """
        if self.is_stopping:
            raise refusals.stopping()
        link = self._links.get(recorder_id)
        now = self.clock.monotonic()
        if link is None or not link.is_alive(now):
            raise refusals.offline()
        if len(self._open_at.get(recorder_id, ())) >= MAX_EXCHANGES:
            raise refusals.too_busy("requests to this recorder")
        data = format_request(_as_relayed(request, credential))
        exchange = Exchange(self._new_id(), recorder_id, data, sink, self.clock.monotonic)
        link.submit(exchange, now)
        exchange.on_done = self._exchange_done
        self._exchanges[exchange.id] = exchange
        self._open_at.setdefault(recorder_id, set()).add(exchange)
        return exchange

    def new_stream_id(self) -> str:
        return self._new_id()

    def watch(self, recorder_id: str, viewer: LiveViewer) -> Feed:
        """Joins the feed of a camera and profile, and starts it for the first viewer.

        Raises Refusal 403 without the right or the way, 503 when the recorder is not linked.
        """
        check_live(viewer.credential, viewer.target.camera)
        if not self.is_linked(recorder_id):
            raise refusals.offline()
        key = (recorder_id, viewer.target.camera, viewer.target.profile)
        feed = self._feeds.get(key) or self._new_feed(key, viewer)
        feed.join(viewer)
        self._viewers[viewer.id] = viewer
        return feed

    def forget_viewer(self, viewer: LiveViewer) -> None:
        """The viewer has left its feed."""
        self._viewers.pop(viewer.id, None)

    def renew_stream(self, stream_id: str, credential: Credential) -> None:
        """The credential now sustains the stream; raises Refusal 404 unless it is the same person
        in the same session, 403 when it does not grant the camera."""
        viewer = self._viewers.get(stream_id)
        if viewer is None or not _is_same_session(viewer.credential, credential):
            raise Refusal(404, "stream_not_found", "There is no such stream.")
        check_live(credential, viewer.target.camera)
        viewer.credential = credential

    def keep(self, checked: Checked) -> None:
        """Has `check` called once a tick until `release`; raises Refusal 503."""
        if self.is_stopping:
            raise refusals.stopping()
        if len(self._checked) >= MAX_SESSIONS:
            raise refusals.too_busy("viewers")
        self._checked[checked] = None

    def admit(self, checked: Checked, access: AccessToken) -> None:
        """It has shown a token; until `release` it counts among its customer's viewers and is told
        of changed rights. Raises Refusal 503 for one too many of the customer."""
        self._audience.admit(checked, access)

    def release(self, checked: Checked) -> None:
        """Safe to call twice."""
        self._checked.pop(checked, None)
        self._audience.see_off(checked)

    def tell_access_change(self, change: AccessToken) -> None:
        """To whoever of that person is served here; the recorder tells those it serves itself."""
        self._audience.tell(change)

    # Time.

    async def run(self) -> None:
        """Looks at all deadlines once a tick, until cancelled. Exactly one task runs this."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        now, unix_s = self.clock.monotonic(), self.clock.unix()
        for link in list(self._links.values()):
            link.release_old_polls(now)
            if not link.is_alive(now):
                self._unlink(link)
        for exchange in list(self._exchanges.values()):
            exchange.check(now)
        for feed in list(self._feeds.values()):
            feed.check(now, unix_s)
        for checked in list(self._checked):
            checked.check(now, unix_s)
        self.viewings.tick()

    def drain(self) -> None:
        """A planned stop: nothing new begins, streams end politely, finite answers go on."""
        self.is_stopping = True
        for link in self._links.values():
            link.release_all_polls()
        for feed in list(self._feeds.values()):
            feed.stop()
        for checked in list(self._checked):
            checked.stop()

    def stats(self) -> dict[str, int]:
        """How many of everything there are now, then the counters."""
        gauges = {
            "links": len(self._links),
            "polls": sum(len(link.polls) for link in self._links.values()),
            "waiting": sum(len(link.waiting) for link in self._links.values()),
            "exchanges": len(self._exchanges),
            "link_sockets": len(self._sockets),
            "feeds": len(self._feeds),
            "viewers": len(self._viewers),
            "sessions": len(self._checked),
        }
        return {**gauges, **self.counters}

    # Inside.

    def _new_link(self, recorder_id: str, boot: str, now: float) -> Link:
        if len(self._links) >= MAX_LINKS:
            raise refusals.too_busy("recorders")
        self.counters["linked"] += 1
        link = self._links[recorder_id] = Link(recorder_id, boot, now)
        return link

    def _replace(self, link: Link, boot: str, now: float) -> None:
        try:
            link.replace_boot(boot, now)
        except Refusal as refusal:
            self.counters[f"poll_{refusal.code}"] += 1
            raise
        self.counters["link_replaced"] += 1
        self._dismiss_socket(link.recorder_id, "replaced")
        self._fail_exchanges(link, refusals.replaced(), {State.HANDED, State.ANSWERING})

    def _unlink(self, link: Link) -> None:
        del self._links[link.recorder_id]
        self.counters["unlinked"] += 1
        self._dismiss_socket(link.recorder_id, "recorder_offline")
        self._fail_exchanges(link, refusals.offline(), set(State))

    def _dismiss_socket(self, recorder_id: str, reason: str) -> None:
        socket = self._sockets.get(recorder_id)
        if socket is not None:
            socket.dismiss(reason)

    def _fail_exchanges(self, link: Link, refusal: Refusal, states: set[State]) -> None:
        for exchange in list(self._open_at.get(link.recorder_id, ())):
            if exchange.state in states:
                exchange.fail(refusal)

    def _exchange_done(self, exchange: Exchange, reason: str) -> None:
        self.counters[f"exchange_{reason}"] += 1
        del self._exchanges[exchange.id]
        self._open_at[exchange.recorder_id].discard(exchange)
        if not self._open_at[exchange.recorder_id]:
            del self._open_at[exchange.recorder_id]
        link = self._links.get(exchange.recorder_id)
        if link is not None:
            link.forget(exchange)

    def _new_feed(self, key: FeedKey, viewer: LiveViewer) -> Feed:
        feed = Feed(self, key[0], viewer.target)
        feed.start(viewer.credential)
        feed.on_over = self._feed_over
        self._feeds[key] = feed
        self.counters["feed_started"] += 1
        return feed

    def _feed_over(self, feed: Feed) -> None:
        key = (feed.recorder_id, feed.target.camera, feed.target.profile)
        if self._feeds.get(key) is feed:
            del self._feeds[key]


def _as_relayed(request: Request, credential: Credential) -> Request:
    """The request with allowed headers, and the viewer's token as the relay has checked it."""
    headers = (
        *filter_request_headers(request.headers),
        ("Authorization", f"Bearer {credential.text}"),
    )
    return Request(request.method, request.target, headers, request.body)


def _is_same_session(old: Credential, new: Credential) -> bool:
    ours, theirs = old.access, new.access
    return (ours.session_id, ours.user_id, ours.recorder_id) == (
        theirs.session_id,
        theirs.user_id,
        theirs.recorder_id,
    )
