"""The host's side of the session protocol (`protocol.session`), over any message channel.

Viewers find here what the relay's session door shows them (contracts.md §5): the same messages,
notices and close codes, whatever carries them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass

from cmr.api.door import Door
from cmr.api.live import SustainedStream
from cmr.api.message import ApiError, Body, Response
from cmr.api.playback import BrokenBody
from cmr.api.routes import Api, is_allowed
from cmr.doors.answer import message_head
from cmr.doors.message_rate import MessageRate
from cmr.doors.outbox import Channel, Outbox, OutboxFull
from protocol.errors import ProtocolError
from protocol.http_message import Request, parse_request
from protocol.session import (
    CLOSE_BAD_MESSAGE,
    CLOSE_FORBIDDEN,
    CLOSE_TOO_SLOW,
    CLOSE_UNAUTHORIZED,
    MAX_STREAMS,
    TOKEN_DEADLINE_S,
    Message,
    MessageType,
    decode_from_viewer,
    encode,
    encode_notice,
)
from protocol.tokens import MAX_TOKEN_BYTES, ORDER_S, AccessToken, TokenError

CLOSE_GONE = 1006  # never sent: the channel was lost
CLOSE_INTERNAL = 1011  # RFC 6455 §7.4.1
CLOSE_RESTART = 1012  # RFC 6455 registry: service restart, connect again
CLOSE_BUSY = 1013  # try again later
RENEWAL_S = 3.0  # after a change of rights the viewer must show a token that reflects it
TICK_S = 0.5
CLOSE_S = 2.0  # a viewer that does not even take the close
# Of a recorded answer at a time: live video beside it waits for no more than this (1 Mbps: 0.13 s).
MAX_DATA_BYTES = 16_000
MAX_ANSWERS = 2 * MAX_STREAMS  # a viewer that asks and cancels waits for what it has begun
MAX_FIRST_BYTES = MAX_TOKEN_BYTES + 5  # a RENEW: whoever has shown no token gets no more memory

log = logging.getLogger(__name__)


def nothing() -> None:
    """A callback nobody set."""


@dataclass
class _Stream:
    """An answer under way; `live` once it is one that its token must sustain."""

    request: Request
    task: asyncio.Task[None]
    live: SustainedStream | None = None


class Session:
    """One viewer's session. `on_token` is called when it has shown its first good token."""

    def __init__(
        self, api: Api, door: Door, channel: Channel, on_token: Callable[[], None] = nothing
    ) -> None:
        self._api = api
        self._door = door
        self._channel = channel
        self._on_token = on_token
        self._now = asyncio.get_running_loop().time
        self._outbox = Outbox(channel)
        self._rate = MessageRate()
        self._text = ""
        self._token: AccessToken | None = None
        self._expires_at = 0.0  # of our own clock, which nobody sets
        self._streams: dict[int, _Stream] = {}
        self._answers: set[asyncio.Task[None]] = set()  # also cancelled ones, which still tidy up
        self._last_stream = 0
        self._deadline: float | None = self._now() + TOKEN_DEADLINE_S
        self._renewed_after = 0.0  # Unix seconds of the portal: tokens from before do not count
        self._over: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._tasks = asyncio.TaskGroup()

    async def run(self, messages: AsyncIterator[bytes]) -> None:
        """Serves until the session is over, and closes the channel. `messages` are the viewer's, in
        order; they end when the channel is lost, and may raise OSError, or ProtocolError for what
        the channel does not carry. Run it once."""
        self._api.holders.keep(self)
        code, reason = CLOSE_RESTART, "recorder_stopping"
        try:
            async with self._tasks as group:
                owned = [group.create_task(part) for part in self._parts(messages)]
                code, reason = await self._over
                for task in (*owned, *self._answers):
                    task.cancel()
        except ExceptionGroup:
            # Our bug. It ends this session, loudly; one viewer must not be able to end recording.
            log.exception("%s door: a session failed", self._door.name)
            code, reason = CLOSE_INTERNAL, "internal"
        finally:
            self._api.holders.release(self)
            await self._close_channel(code, reason)

    def stop(self) -> None:
        """The recorder is being stopped."""
        self._end(CLOSE_RESTART, "recorder_stopping")

    @property
    def user_id(self) -> str | None:
        """Whose session this is, once a token was shown."""
        return None if self._token is None else self._token.user_id

    def access_changed(self, at: float) -> None:
        """Rights may have changed: a token from after `at` within RENEWAL_S, or the end. Being told
        again gives no more time."""
        if self._token is None or self._token.issued_at > at or self._renewed_after >= at:
            return
        self._renewed_after = at
        if self._deadline is None:
            self._deadline = self._now() + RENEWAL_S
        detail = "Rights have changed; the session goes on with a new token."
        self._say(encode_notice(0, "renewal_required", detail, is_final=False))

    # The parts that run beside each other.

    def _parts(self, messages: AsyncIterator[bytes]) -> tuple[Coroutine[None, None, None], ...]:
        return (self._read(messages), self._write(), self._watch())

    async def _read(self, messages: AsyncIterator[bytes]) -> None:
        """Never waits for the viewer to read: a CANCEL or a token must get through on a full
        line."""
        try:
            async for data in messages:
                self._receive(data)
                await asyncio.sleep(0)  # what came at once shall not fill the outbox at once
        except ProtocolError as error:
            self._end(CLOSE_BAD_MESSAGE, error.code)
        except OSError:
            pass
        self._end(CLOSE_GONE, "lost")

    async def _write(self) -> None:
        try:
            await self._outbox.run()
        except TimeoutError:
            self._end(CLOSE_TOO_SLOW, "too_slow")
        except OSError:
            self._end(CLOSE_GONE, "lost")

    async def _watch(self) -> None:
        while not self._over.done():
            self._check()
            await asyncio.sleep(TICK_S)

    def _check(self) -> None:
        token = self._token
        if self._deadline is not None and self._now() > self._deadline:
            self._end(CLOSE_UNAUTHORIZED, "renewal_required" if token else "token_missing")
        elif token is not None and self._now() >= self._expires_at:
            self._end(CLOSE_UNAUTHORIZED, "token_expired")
        elif token is not None and not self._api.is_open(self._door, token):
            self._end(CLOSE_FORBIDDEN, "path_off")

    # Messages of the viewer.

    def _receive(self, data: bytes) -> None:
        if self._over.done():
            return
        try:
            self._count(data)
            self._dispatch(decode_from_viewer(data))
        except ProtocolError as error:
            self._end(CLOSE_BAD_MESSAGE, error.code)

    def _count(self, data: bytes) -> None:
        self._rate.count(self._now())
        if self._token is None and len(data) > MAX_FIRST_BYTES:
            raise ProtocolError("frame_too_large", f"the first message has {len(data)} bytes")

    def _dispatch(self, message: Message) -> None:
        if self._token is None and message.type is not MessageType.RENEW:
            raise ProtocolError("bad_frame", "the first message is not RENEW")
        if message.type is MessageType.RENEW:
            self._renew(message)
        elif message.type is MessageType.REQUEST:
            self._request(message)
        elif message.type is MessageType.CANCEL:
            self._cancel(message)
        elif message.type is MessageType.PING:
            self._say(encode(MessageType.PONG, 0, message.payload))

    def _renew(self, message: Message) -> None:
        if message.stream != 0:
            raise ProtocolError("bad_frame", "RENEW belongs to stream 0")
        text = message.payload.decode("ascii", errors="replace")
        try:
            token, lasts_s = self._api.verify(text, self._door)
        except (ApiError, TokenError) as error:
            self._end(CLOSE_UNAUTHORIZED, error.code)
            return
        if self._token is not None and not _is_same_person(self._token, token):
            self._end(CLOSE_FORBIDDEN, "token_not_for_this")
        elif not self._api.is_open(self._door, token):
            self._end(CLOSE_FORBIDDEN, "path_off")
        elif token.issued_at + ORDER_S >= self._renewed_after:
            self._take(text, token, lasts_s)

    def _take(self, text: str, token: AccessToken, lasts_s: float) -> None:
        before = self._token
        self._text, self._token, self._deadline = text, token, None
        self._expires_at = self._now() + lasts_s
        for number, stream in list(self._streams.items()):
            if not is_allowed(stream.request, token, before):
                self._cut(number, "not_granted", "The token does not allow this any more.")
            elif stream.live is not None:
                stream.live.renew(lasts_s)
        if before is None:
            self._on_token()

    def _request(self, message: Message) -> None:
        number = message.stream
        if number <= self._last_stream:
            raise ProtocolError("bad_frame", f"stream {number} was used before")
        self._last_stream = number
        try:
            request = self._parsed(message.payload)
        except ApiError as error:
            self._refuse(number, error)
            return
        task = self._tasks.create_task(self._serve(number, request))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)
        self._streams[number] = _Stream(request, task)

    def _parsed(self, payload: bytes) -> Request:
        """The request; raises ApiError."""
        if len(self._streams) >= MAX_STREAMS or len(self._answers) >= MAX_ANSWERS:
            fact = f"a session has {MAX_STREAMS} streams at most"
            raise ApiError(429, "too_many_streams", fact)
        try:
            return parse_request(payload)
        except ProtocolError as error:
            raise ApiError(400, error.code, str(error)) from None

    def _cancel(self, message: Message) -> None:
        if message.stream > self._last_stream:
            raise ProtocolError("bad_frame", f"stream {message.stream} was never opened")
        stream = self._streams.pop(message.stream, None)
        if stream is not None:
            stream.task.cancel()
            self._say(encode(MessageType.END, message.stream))

    def _cut(self, number: int, code: str, detail: str) -> None:
        """Ends a stream in its middle, with the reason."""
        self._streams.pop(number).task.cancel()
        self._say(
            encode_notice(number, code, detail, is_final=True), encode(MessageType.END, number)
        )

    def _refuse(self, number: int, error: ApiError) -> None:
        response = error.response()
        body = response.body if isinstance(response.body, bytes) else b""
        self._say(
            encode(MessageType.DATA, number, message_head(response)),
            encode(MessageType.DATA, number, body),
            encode(MessageType.END, number),
        )

    # Answers.

    async def _serve(self, number: int, request: Request) -> None:
        """One answer, to its end; cancelled when nobody wants it any more."""
        headers = tuple(h for h in request.headers if h[0].lower() != "authorization")
        headers = (*headers, ("Authorization", f"Bearer {self._text}"))
        request = Request(request.method, request.target, headers, request.body)
        response = await self._api.handle(request, self._door)
        try:
            await self._send(number, response)
        finally:
            self._streams.pop(number, None)
            await response.aclose()

    async def _send(self, number: int, response: Response) -> None:
        await self._data(number, message_head(response))
        body = response.body
        if isinstance(body, SustainedStream):
            await self._send_live(number, body)
        elif isinstance(body, bytes):
            await self._send_file(number, body)
        else:
            await self._send_chunks(number, body)
        await self._outbox.send(encode(MessageType.END, number))

    async def _send_live(self, number: int, body: SustainedStream) -> None:
        """One DATA for each segment, so that a viewer that lost frames stays decodable."""
        self._streams[number].live = body
        # The token may have been renewed while the answer was being made.
        body.renew(self._expires_at - self._now())
        told = 0
        async for segment in body:
            if (total := body.dropped_frames) > told:
                await self._tell_dropped(number, total - told, total)
                told = total
            await self._data(number, segment)
        await self._fail(number, "stream_ended", "The recorder ended the stream.")

    async def _tell_dropped(self, number: int, frames: int, total: int) -> None:
        detail = "The connection was too slow: the picture jumped to the next key frame."
        notice = {"is_final": False, "frames": frames, "total": total}
        await self._outbox.send(encode_notice(number, "frames_dropped", detail, **notice))

    async def _send_chunks(self, number: int, body: Body) -> None:
        try:
            async for chunk in body:
                await self._send_file(number, chunk)
        except BrokenBody as error:  # logged where it happened
            await self._fail(number, "storage_failed", f"The answer broke off: {error.strerror}.")

    async def _send_file(self, number: int, chunk: bytes) -> None:
        for at in range(0, len(chunk), MAX_DATA_BYTES):
            await self._data(number, chunk[at : at + MAX_DATA_BYTES])

    async def _data(self, number: int, payload: bytes) -> None:
        await self._outbox.send(encode(MessageType.DATA, number, payload))

    async def _fail(self, number: int, code: str, detail: str) -> None:
        await self._outbox.send(encode_notice(number, code, detail, is_final=True))

    # The end.

    def _say(self, *words: bytes) -> None:
        try:
            self._outbox.put(*words)
        except OutboxFull:
            self._end(CLOSE_TOO_SLOW, "too_slow")

    def _end(self, code: int, reason: str) -> None:
        if not self._over.done():
            log.debug("%s door: a session ended: %d %s", self._door.name, code, reason)
            self._over.set_result((code, reason))

    async def _close_channel(self, code: int, reason: str) -> None:
        if code == CLOSE_GONE:
            return
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._channel.close(code, reason)


def _is_same_person(old: AccessToken, new: AccessToken) -> bool:
    """The page may have opened a newer session at the portal, say after its network changed."""
    return old.user_id == new.user_id
