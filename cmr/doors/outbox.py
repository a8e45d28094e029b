"""What waits to be sent over one message channel: streams take turns, one message each."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

STALLED_S = 20.0  # a viewer that takes nothing at all for so long is gone or harmful
MAX_WORDS = 256  # small messages to a viewer that reads nothing: past this it wants our memory


class Channel(Protocol):
    """The sending side of something that carries whole messages."""

    async def send(self, message: bytes) -> None:
        """Returns when the line has room for the next one. Raises OSError when the line is gone.

        Never called twice at a time, and cancelled only when the session is over.
        """

    async def close(self, code: int, reason: str) -> None:
        """Ends the channel, with a close code of `protocol.session`; within a second or two."""


class OutboxFull(Exception):
    """The viewer asks and asks, and reads no answer."""


class Outbox:
    """The only writer of a channel. Words (what answers the viewer at once) go before streams."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._words: deque[bytes] = deque()
        self._waiting: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()

    def put(self, *words: bytes) -> None:
        """Small messages that nobody waits for; raises OutboxFull."""
        if len(self._words) + len(words) > MAX_WORDS:
            raise OutboxFull
        self._words.extend(words)
        self._wake.set()

    async def send(self, message: bytes) -> None:
        """The next message of a stream; returns when the channel took it. A stream that is
        cancelled meanwhile takes its message back."""
        taken = asyncio.get_running_loop().create_future()
        self._waiting.append((message, taken))
        self._wake.set()
        await taken

    async def run(self) -> None:
        """Sends until cancelled. Raises TimeoutError when the viewer takes nothing, OSError when
        the line is gone."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._words or self._waiting:
                await self._send_next()

    async def _send_next(self) -> None:
        if self._words:
            await self._hand_on(self._words.popleft())
            return
        message, taken = self._waiting.popleft()
        if taken.cancelled():
            return
        await self._hand_on(message)
        if not taken.done():
            taken.set_result(None)

    async def _hand_on(self, message: bytes) -> None:
        async with asyncio.timeout(STALLED_S):
            await self._channel.send(message)
