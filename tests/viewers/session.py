"""The viewer's side of the session protocol, over any channel of whole messages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from protocol.http_message import Request, ResponseHead, format_request, parse_response_head
from protocol.session import Message, MessageType, encode

ANSWER_S = 15.0
_HEADER = struct.Struct("!BI")


class ViewerChannel(Protocol):
    """What a viewer speaks through: a WebSocket, a sealed one, a data channel."""

    async def send(self, message: bytes) -> None: ...

    def messages(self) -> AsyncIterator[bytes]:
        """What the host sends; ends when the channel was closed."""

    @property
    def closed_with(self) -> tuple[int, str]:
        """Close code and reason, once it was closed."""


class SessionClosed(Exception):
    """The host closed the session; `code` and `reason` say why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Stream:
    """One answer: `head` first, then iterate it for the payload of each DATA."""

    def __init__(self, session: ViewerSession, number: int) -> None:
        self.number = number
        self.head: ResponseHead | None = None
        self.notices: list[dict[str, Any]] = []  # Any: JSON
        self.is_ended = False
        self._session = session
        self._incoming: asyncio.Queue[Message | None] = asyncio.Queue()

    def put(self, message: Message | None) -> None:
        self._incoming.put_nowait(message)

    async def begin(self) -> ResponseHead:
        """The head of the answer."""
        if self.head is None:
            async with asyncio.timeout(ANSWER_S):
                message = await self._next()
            assert message is not None, "a stream ended without an answer"
            assert message.payload.endswith(b"\r\n\r\n"), "the first DATA is not the head alone"
            self.head = parse_response_head(message.payload[:-4])
        return self.head

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._payloads()

    async def body(self) -> bytes:
        """All of a finite answer."""
        async with asyncio.timeout(ANSWER_S):
            return b"".join([payload async for payload in self])

    async def json(self) -> dict[str, Any]:  # Any: JSON
        return json.loads(await self.body())

    async def cancel(self) -> None:
        await self._session.send(MessageType.CANCEL, self.number)

    async def _payloads(self) -> AsyncIterator[bytes]:
        await self.begin()
        while (message := await self._next()) is not None:
            yield message.payload

    async def _next(self) -> Message | None:
        """The next DATA; None at END. Raises SessionClosed."""
        while not self.is_ended:
            message = await self._incoming.get()
            if message is None:
                self._incoming.put_nowait(None)
                raise self._session.closed
            if message.type is MessageType.DATA:
                return message
            if message.type is MessageType.NOTICE:
                self.notices.append(json.loads(message.payload))
            elif message.type is MessageType.END:
                self.is_ended = True
        return None


class ViewerSession:
    """A session over a channel that is open. `notices` are those of stream 0."""

    def __init__(self, channel: ViewerChannel) -> None:
        self.notices: list[dict[str, Any]] = []  # Any: JSON
        self.pongs: list[bytes] = []
        self.is_closed = asyncio.Event()
        self._channel = channel
        self._streams: dict[int, Stream] = {}
        self._last = 0
        self._news = asyncio.Condition()

    @property
    def closed(self) -> SessionClosed:
        return SessionClosed(*self._channel.closed_with)

    async def renew(self, token: str) -> None:
        """Shows a token: the first message, and then before it expires."""
        await self.send(MessageType.RENEW, 0, token.encode())

    async def open(self, target: str, method: str = "GET", body: bytes = b"") -> Stream:
        """Asks, and gives the stream of the answer at once."""
        self._last += 1
        stream = self.expect(self._last)
        if self.is_closed.is_set():
            raise self.closed
        message = format_request(Request(method, target, (), body))
        await self.send(MessageType.REQUEST, self._last, message)
        return stream

    def expect(self, number: int) -> Stream:
        """The stream of an answer whose request the caller sends itself."""
        if number not in self._streams:
            self._streams[number] = Stream(self, number)
        return self._streams[number]

    async def ask(self, target: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of a finite answer."""
        stream = await self.open(target, method, body)
        head = await stream.begin()
        return head.status, await stream.body()

    async def send(self, type_: MessageType, stream: int, payload: bytes = b"") -> None:
        await self._channel.send(encode(type_, stream, payload))

    async def ping(self, payload: bytes = b"?") -> None:
        """Returns when the answer has come."""
        count = len(self.pongs)
        await self.send(MessageType.PING, 0, payload)
        await self.until(lambda: len(self.pongs) > count)

    async def until(self, is_true: Any) -> None:  # Any: a predicate
        """Waits until something is true that messages make so. Raises SessionClosed."""
        async with asyncio.timeout(ANSWER_S), self._news:
            while not is_true():
                if self.is_closed.is_set():
                    raise self.closed
                await self._news.wait()

    async def end(self) -> SessionClosed:
        """How the host closed the session; waits for it."""
        async with asyncio.timeout(ANSWER_S):
            await self.is_closed.wait()
        return self.closed

    async def run(self) -> None:
        """Delivers what comes until the channel is closed."""
        try:
            async for data in self._channel.messages():
                number, stream = _HEADER.unpack_from(data)
                self._take(Message(MessageType(number), stream, data[_HEADER.size :]))
                async with self._news:
                    self._news.notify_all()
        finally:
            self.is_closed.set()
            for stream in self._streams.values():
                stream.put(None)
            async with self._news:
                self._news.notify_all()

    def _take(self, message: Message) -> None:
        if message.stream:
            self.expect(message.stream).put(message)
        elif message.type is MessageType.NOTICE:
            self.notices.append(json.loads(message.payload))
        elif message.type is MessageType.PONG:
            self.pongs.append(message.payload)


@asynccontextmanager
async def session_over(channel: ViewerChannel) -> AsyncIterator[ViewerSession]:
    """A session that is read beside what the caller does."""
    session = ViewerSession(channel)
    reading = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
