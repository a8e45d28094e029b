"""A recorder's link: its open polls, and the requests that wait for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from streaming.relay import refusals
from streaming.relay.exchange import Exchange
from streaming.relay.limits import (
    FLAP_HOLD_S,
    FLAP_REPLACEMENTS,
    FLAP_WINDOW_S,
    LINK_GRACE_S,
    MAX_POLLS,
    MAX_WAITING,
    POLL_HOLD_S,
    RETIRED_BOOTS,
)
from streaming.relay.refusals import Refusal


@dataclass(eq=False, slots=True)
class Poll:
    """A held `GET next`. `answer` gives the exchange to send, or None for 204, or raises."""

    answer: asyncio.Future[Exchange | None]
    deadline: float

    def resolve(self, exchange: Exchange | None) -> None:
        if not self.answer.done():
            self.answer.set_result(exchange)

    def refuse(self, refusal: Refusal) -> None:
        if not self.answer.done():
            self.answer.set_exception(refusal)


@dataclass(eq=False, slots=True)
class Link:
    """Alive while a poll is open, and for LINK_GRACE_S after the last one ended."""

    recorder_id: str
    boot: str
    alive_until: float
    # Lists, most of them empty: a deque takes 600 bytes, and there are thousands of idle links.
    polls: list[Poll] = field(default_factory=list)
    waiting: list[Exchange] = field(default_factory=list)
    retired: tuple[str, ...] = ()
    replacements: tuple[float, ...] = ()

    def is_alive(self, now: float) -> bool:
        return bool(self.polls) or now <= self.alive_until

    def open_poll(self, poll: Poll, now: float) -> None:
        """Answers at once when a request waits; else the poll is held."""
        self.alive_until = now + LINK_GRACE_S
        if self.waiting:
            self._hand(self.waiting.pop(0), poll)
            return
        if len(self.polls) >= MAX_POLLS:
            self.polls.pop(0).resolve(None)
        self.polls.append(poll)

    def drop_poll(self, poll: Poll, now: float) -> None:
        """The poll ended, whoever ended it."""
        if poll in self.polls:
            self.polls.remove(poll)
            self.alive_until = now + LINK_GRACE_S

    def submit(self, exchange: Exchange, now: float) -> None:
        """Hands the request to a poll, or lets it wait for one; raises Refusal when too many do."""
        if len(self.waiting) >= MAX_WAITING:
            raise refusals.too_busy("requests to this recorder")
        if self.polls:
            self._hand(exchange, self.polls.pop(0))
            self.alive_until = now + LINK_GRACE_S
        else:
            self.waiting.append(exchange)

    def put_back(self, exchange: Exchange, now: float) -> None:
        """The poll died before the request was on its way: it goes first to the next one."""
        exchange.take_back()
        if self.polls:
            self.submit(exchange, now)
        else:
            self.waiting.insert(0, exchange)

    def forget(self, exchange: Exchange) -> None:
        if exchange in self.waiting:
            self.waiting.remove(exchange)

    def release_old_polls(self, now: float) -> None:
        """Answers 204 to the polls that were held long enough."""
        while self.polls and self.polls[0].deadline <= now:
            self.polls.pop(0).resolve(None)
            self.alive_until = now + LINK_GRACE_S

    def release_all_polls(self) -> None:
        while self.polls:
            self.polls.pop(0).resolve(None)

    def replace_boot(self, boot: str, now: float) -> None:
        """A newer start of the recorder takes the link over (R2).

        Raises Refusal 409 for a boot that was itself replaced, 503 while two devices take turns.
        """
        if boot in self.retired:
            raise refusals.replaced()
        if self._is_flapping(now):
            raise Refusal(503, "link_flapping", "Two devices use the identity of this recorder.")
        self.retired = (*self.retired, self.boot)[-RETIRED_BOOTS:]
        self.replacements = (*self.replacements, now)[-FLAP_REPLACEMENTS:]
        self.boot = boot
        while self.polls:
            self.polls.pop(0).refuse(refusals.replaced())

    def _is_flapping(self, now: float) -> bool:
        if len(self.replacements) < FLAP_REPLACEMENTS:
            return False
        is_frequent = now - self.replacements[0] <= FLAP_WINDOW_S
        return is_frequent and now - self.replacements[-1] <= FLAP_HOLD_S

    def _hand(self, exchange: Exchange, poll: Poll) -> None:
        exchange.hand()
        poll.resolve(exchange)


def new_poll(now: float) -> Poll:
    return Poll(asyncio.get_running_loop().create_future(), now + POLL_HOLD_S)
