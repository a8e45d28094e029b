"""One data channel as the message channel of a session (`cmr.doors.outbox.Channel`)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from aiortc import RTCDataChannel
from aiortc.exceptions import InvalidStateError

from protocol.errors import ProtocolError
from protocol.parts import Joiner, split
from protocol.session import MAX_MESSAGE_BYTES, SUBPROTOCOL, encode_notice

# What waits here beside what SCTP has in flight; more would be live video that comes late.
HIGH_WATER_BYTES = 64 * 1024
LOW_WATER_BYTES = 32 * 1024
MAX_WAITING_MESSAGES = 256  # the session takes them at once: more is a flood
CLOSE_S = 1.0  # for the last words to leave


class DataChannelLine:
    """Sends and receives whole session messages; `lost` says that the peer is gone."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        self._joiner = Joiner(MAX_MESSAGE_BYTES)
        self._received: asyncio.Queue[bytes | ProtocolError | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._is_lost = False
        self._is_deaf = False
        self._heard_at = time.monotonic()
        channel.bufferedAmountLowThreshold = LOW_WATER_BYTES
        channel.on("message", self._receive)
        channel.on("bufferedamountlow", self._room.set)
        channel.on("close", self.lost)

    @staticmethod
    def is_ours(channel: RTCDataChannel) -> bool:
        """Whether this is the channel that a viewer must open: ordered and reliable."""
        is_reliable = channel.maxRetransmits is None and channel.maxPacketLifeTime is None
        return channel.label == SUBPROTOCOL and channel.ordered and is_reliable

    @property
    def silent_s(self) -> float:
        """Seconds since the viewer said anything; one that is there pings twice a second."""
        return time.monotonic() - self._heard_at

    async def send(self, message: bytes) -> None:
        """Returns when the line has room for the next one; raises OSError when it is gone."""
        for part in split(message):
            self._send(part)
            await self._drain(HIGH_WATER_BYTES)

    async def close(self, code: int, reason: str) -> None:
        """A data channel has no close code: it goes as the last notice."""
        notice = encode_notice(
            0, reason, "The recorder ends the session.", is_final=True, close=code
        )
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.send(notice)
                await self._drain(0)
        self.lost()
        self._channel.close()

    async def messages(self) -> AsyncIterator[bytes]:
        """What the viewer sends; ends with the channel. Raises ProtocolError for what does not
        belong here."""
        while (message := await self._received.get()) is not None:
            if isinstance(message, ProtocolError):
                raise message
            yield message

    def lost(self) -> None:
        """The channel, or what carries it, is gone. Safe to call twice."""
        if not self._is_lost:
            self._is_lost = True
            self._room.set()
            self._received.put_nowait(None)

    def _send(self, part: bytes) -> None:
        try:
            if not self._is_lost:
                self._channel.send(part)
                return
        except InvalidStateError:
            pass  # the viewer closed it
        raise ConnectionResetError("the data channel is closed")

    async def _drain(self, water_bytes: int) -> None:
        """Waits until not more than this waits to be sent."""
        self._channel.bufferedAmountLowThreshold = min(water_bytes, LOW_WATER_BYTES)
        while self._channel.bufferedAmount > water_bytes and not self._is_lost:
            self._room.clear()
            await self._room.wait()

    def _receive(self, part: bytes | str) -> None:
        self._heard_at = time.monotonic()
        if self._is_lost or self._is_deaf:
            return
        try:
            message = self._joined(part)
        except ProtocolError as error:
            self._is_deaf = True  # and not lost: the reason still goes out
            self._received.put_nowait(error)
        else:
            if message is not None:
                self._received.put_nowait(message)

    def _joined(self, part: bytes | str) -> bytes | None:
        if isinstance(part, str):
            raise ProtocolError("bad_frame", "text is not part of the protocol")
        if self._received.qsize() >= MAX_WAITING_MESSAGES:
            raise ProtocolError("too_many_messages", "more messages than any page sends")
        return self._joiner.feed(part)
