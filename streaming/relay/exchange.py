"""One request of a viewer and the recorder's answer to it, as it passes through the relay."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

from protocol.errors import ProtocolError
from protocol.http_message import ResponseHead, ResponseReader
from streaming.relay import refusals
from streaming.relay.answers import filter_head
from streaming.relay.limits import ANSWER_S, STALL_S
from streaming.relay.refusals import Refusal


class Sink(Protocol):
    """Takes an answer. `on_head` comes first, then `on_body` any times, then `on_end`; `on_failure`
    may come at any moment instead, and nothing comes after it."""

    def on_head(self, head: ResponseHead) -> None: ...
    def on_body(self, data: bytes) -> None: ...
    def on_end(self) -> None: ...
    def on_failure(self, refusal: Refusal) -> None: ...


class Source(Protocol):
    """What carries the recorder's answer: a POST, parts of a socket, a row of small requests."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self, refusal: Refusal) -> None: ...


class State(enum.Enum):
    WAITING = "waiting"  # for a poll
    HANDED = "handed"  # to the recorder
    ANSWERING = "answering"
    DONE = "done"


_MOVES = {
    State.WAITING: {State.HANDED, State.DONE},
    State.HANDED: {State.WAITING, State.ANSWERING, State.DONE},  # back when the poll had died
    State.ANSWERING: {State.DONE},
    State.DONE: set[State](),
}


class Exchange:
    """Bound to one recorder; its id is 128 random bits, known to that recorder alone."""

    def __init__(
        self, id_: str, recorder_id: str, request: bytes, sink: Sink, clock: Callable[[], float]
    ) -> None:
        self.id = id_
        self.recorder_id = recorder_id
        self.request = request
        self.state = State.WAITING
        self.on_done: Callable[[Exchange, str], None] = _ignore
        self._sink = sink
        self._clock = clock
        self._reader = ResponseReader()
        self._source: Source | None = None
        self._is_paused = False
        self._is_endless = False  # the head is read and the body lasts as long as the POST
        self._last_progress = clock()

    @property
    def source(self) -> Source | None:
        """What the answer comes from, while it does."""
        return self._source

    def hand(self) -> None:
        self._move(State.HANDED)

    def take_back(self) -> None:
        """The poll died before the request was sent."""
        self._move(State.WAITING)

    def begin(self, source: Source) -> None:
        """The recorder's POST arrived."""
        self._move(State.ANSWERING)
        self._source = source
        self._last_progress = self._clock()
        if self._is_paused:
            source.pause()

    def feed(self, data: bytes) -> None:
        """Bytes of the answer; raises Refusal `bad_answer` and ends the exchange when they are not
        one. Does nothing once the exchange is done."""
        if self.state is not State.ANSWERING:
            return
        self._last_progress = self._clock()
        try:
            if self._is_endless:
                self._sink.on_body(data)
            else:
                self._feed(data)
        except ProtocolError as error:
            self._refuse(error)

    def close(self) -> None:
        """The POST ended; raises Refusal when the answer had not."""
        if self.state is not State.ANSWERING:
            return
        try:
            self._reader.close()
        except ProtocolError as error:
            self._refuse(error)
        self._finish("answered")
        self._sink.on_end()

    def fail(self, refusal: Refusal) -> None:
        """Ends the exchange; the viewer is told, and the recorder stops sending."""
        if self.state is State.DONE:
            return
        source = self._source
        self._finish(refusal.code)
        self._sink.on_failure(refusal)
        if source is not None:
            source.stop(refusals.cancelled())

    def cancel(self) -> None:
        """The viewer went away; its sink hears nothing more."""
        source = self._source
        if self.state is not State.DONE:
            self._finish("cancelled")
            if source is not None:
                source.stop(refusals.cancelled())

    def pause(self) -> None:
        """The viewer is slow: the recorder's POST is not read for a while."""
        if not self._is_paused:
            self._is_paused = True
            if self._source is not None:
                self._source.pause()

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._last_progress = self._clock()
            if self._source is not None:
                self._source.resume()

    def check(self, now: float) -> None:
        """Fails the exchange when its time is over."""
        quiet_s = now - self._last_progress
        if self.state is State.ANSWERING:
            if quiet_s > STALL_S and not self._is_paused:
                self.fail(refusals.silent())
        elif quiet_s > ANSWER_S:
            self.fail(refusals.silent())

    def _feed(self, data: bytes) -> None:
        reader = self._reader
        is_new = reader.head is None
        body = reader.feed(data)
        head = reader.head
        if is_new and head is not None:
            self._is_endless = head.content_length is None
            self._sink.on_head(filter_head(head))
        if body:
            self._sink.on_body(body)

    def _refuse(self, error: ProtocolError) -> None:
        refusal = refusals.bad_answer(error)
        if self.state is not State.DONE:
            self._finish(refusal.code)
            self._sink.on_failure(refusal)
        raise Refusal(400, error.code, error.message) from error

    def _finish(self, reason: str) -> None:
        self._move(State.DONE)
        self._source = None
        self.on_done(self, reason)

    def _move(self, state: State) -> None:
        if state not in _MOVES[self.state]:
            raise RuntimeError(f"exchange goes from {self.state.value} to {state.value}")
        self.state = state


def _ignore(_exchange: Exchange, _reason: str) -> None:
    """Until the hub owns the exchange."""
