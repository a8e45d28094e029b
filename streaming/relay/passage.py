"""An answer on its way to one viewer, as it comes: everything that is not live video."""

from __future__ import annotations

from collections import deque

from protocol.http_message import ResponseHead
from streaming.relay.exchange import Exchange
from streaming.relay.limits import PASSAGE_BYTES, STALLED_S
from streaming.relay.outlet import Outlet
from streaming.relay.refusals import Refusal


class Passage:
    """A Sink that writes to an Outlet and lets the recorder wait when the viewer is slow."""

    def __init__(self, outlet: Outlet) -> None:
        self.is_over = False
        self._outlet = outlet
        self._exchange: Exchange | None = None
        self._chunks: deque[bytes] = deque()
        self._size_bytes = 0
        self._has_head = False
        self._outcome: Refusal | bool = False  # True: complete; a Refusal: broken off
        self._blocked_since: float | None = None

    def attach(self, exchange: Exchange) -> None:
        """The exchange whose answer this is; called before anything arrives."""
        self._exchange = exchange

    def cancel(self) -> None:
        """The viewer wants no more, or went away."""
        self.is_over = True
        self._chunks.clear()
        if self._exchange is not None:
            self._exchange.cancel()

    def cut(self, refusal: Refusal) -> None:
        """Ends the answer now: the viewer may not have it any more, or cannot."""
        if self.is_over:
            return
        self.cancel()
        self._break_off(refusal)

    def drain(self) -> None:
        """Writes what waits, as far as the viewer takes it."""
        while self._chunks and self._outlet.is_writable:
            chunk = self._chunks.popleft()
            self._size_bytes -= len(chunk)
            self._outlet.data(chunk)
            self._blocked_since = None
        if self._chunks or self.is_over:
            return
        if self._outcome is not False:
            self._end()
        elif self._exchange is not None:
            self._exchange.resume()

    def check(self, now: float) -> bool:
        """False when the viewer has taken nothing for too long."""
        if not self._chunks or self._outlet.is_writable:
            self._blocked_since = None
            return True
        if self._blocked_since is None:
            self._blocked_since = now
        return now - self._blocked_since <= STALLED_S

    def on_head(self, head: ResponseHead) -> None:
        if not self.is_over:
            self._has_head = True
            self._outlet.head(head)

    def on_body(self, data: bytes) -> None:
        if self.is_over:
            return
        self._chunks.append(data)
        self._size_bytes += len(data)
        self.drain()
        if self._size_bytes > PASSAGE_BYTES and self._exchange is not None:
            self._exchange.pause()

    def on_end(self) -> None:
        self._outcome = True
        self.drain()

    def on_failure(self, refusal: Refusal) -> None:
        self._outcome = refusal
        self.drain()

    def _end(self) -> None:
        self.is_over = True
        if isinstance(self._outcome, Refusal):
            self._break_off(self._outcome)
        else:
            self._outlet.end()

    def _break_off(self, refusal: Refusal) -> None:
        self.is_over = True
        if self._has_head:
            self._outlet.fail(refusal.code, refusal.message)
        else:
            answer(self._outlet, refusal)


def answer(outlet: Outlet, refusal: Refusal) -> None:
    """The refusal as a whole answer: a problem that people and programs can read."""
    outlet.head(refusal.head())
    outlet.data(refusal.body())
    outlet.end()
