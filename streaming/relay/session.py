"""Browsers: many requests over one WebSocket (`protocol.session`, the host's side)."""

from __future__ import annotations

from typing import Any

from protocol import session as wire_format
from protocol.errors import ProtocolError
from protocol.http_message import ResponseHead, format_response_head, parse_request
from protocol.session import (
    CLOSE_BAD_MESSAGE,
    CLOSE_FORBIDDEN,
    CLOSE_OFFLINE,
    CLOSE_TOO_SLOW,
    CLOSE_UNAUTHORIZED,
    MAX_STREAMS,
    TOKEN_DEADLINE_S,
    Message,
    MessageType,
    encode,
    encode_notice,
)
from protocol.tokens import ORDER_S
from streaming.relay import passage
from streaming.relay.access import Credential
from streaming.relay.hub import Hub
from streaming.relay.limits import MESSAGE_BURST, MESSAGES_PER_S, RENEWAL_S
from streaming.relay.refusals import Refusal
from streaming.relay.requests import Running, open_request
from streaming.relay.wire import SocketWire

CLOSE_RESTART = 1012  # RFC 6455 registry: service restart, connect again
CLOSE_BUSY = 1013  # try again later
_MAX_UNSENT = 256  # answers to a viewer that reads nothing: past this it only wants our memory


class SessionDoor:
    """One viewer's session with one recorder. Everything is synchronous: the server's adapter calls
    `receive` with each message and `disconnected` at the end; writes go to the wire."""

    def __init__(self, hub: Hub, recorder_id: str, wire: SocketWire) -> None:
        self._hub = hub
        self._recorder_id = recorder_id
        self._wire = wire
        self._now = hub.clock.monotonic
        self._credential: Credential | None = None
        self._streams: dict[int, Running] = {}
        self._last_stream = 0
        self._is_closed = False
        self._deadline: float | None = self._now() + TOKEN_DEADLINE_S
        self._renewed_after = 0.0  # Unix seconds: tokens from before do not count
        self._tokens = MESSAGE_BURST
        self._counted_at = self._now()
        self._unsent = 0

    def open(self) -> None:
        """The socket was accepted."""
        self._wire.on_writable = self._drain
        try:
            self._hub.keep(self)
        except Refusal as refusal:
            self._close(CLOSE_RESTART if self._hub.is_stopping else CLOSE_BUSY, refusal.code)

    def receive(self, data: bytes) -> None:
        """A binary message of the viewer; bad ones close the session."""
        if self._is_closed:
            return
        try:
            self._count()
            message = wire_format.decode_from_viewer(data)
            self._dispatch(message)
        except ProtocolError as error:
            self._close(CLOSE_BAD_MESSAGE, error.code)

    def receive_text(self) -> None:
        """Text is not part of the protocol."""
        self._close(CLOSE_BAD_MESSAGE, "bad_frame")

    def disconnected(self) -> None:
        """The socket is gone; nothing is written any more."""
        self._is_closed = True
        self._hub.release(self)
        for running in list(self._streams.values()):
            running.cancel()
        self._streams.clear()

    def access_changed(self, at: float) -> None:
        """As a recorder is told; in the portal a signal mostly came first."""
        if self._credential is not None and self._credential.access.issued_at <= at:
            self.require_renewal(at)

    def require_renewal(self, at: float) -> None:
        """Rights changed at `at` (Unix seconds): a token from after it within RENEWAL_S, or the
        end. Being told again gives no more time."""
        if self._credential is None or self._is_closed or at <= self._renewed_after:
            return
        self._renewed_after = at
        if self._deadline is None:
            self._deadline = self._now() + RENEWAL_S
        detail = "Rights have changed; the session goes on with a new token."
        self._wire.write(encode_notice(0, "renewal_required", detail, is_final=False), b"")

    def check(self, now: float, unix_s: float) -> None:
        """Once a tick: the token's end, the renewal's deadline, a viewer that takes nothing."""
        if self._is_closed:
            return
        if self._deadline is not None and now > self._deadline:
            code = "token_missing" if self._credential is None else "renewal_required"
            self._close(CLOSE_UNAUTHORIZED, code)
        elif self._credential is not None and self._credential.access.expires_at <= unix_s:
            self._close(CLOSE_UNAUTHORIZED, "token_expired")
        elif not self._hub.is_linked(self._recorder_id) and self._credential is not None:
            self._close(CLOSE_OFFLINE, "recorder_offline")
        elif not all(running.check(now) for running in list(self._streams.values())):
            self._close(CLOSE_TOO_SLOW, "too_slow")

    def stop(self) -> None:
        """The relay is being stopped."""
        self._close(CLOSE_RESTART, "relay_stopping")

    @property
    def user_id(self) -> str | None:
        """Whose session this is, once a token was shown."""
        return None if self._credential is None else self._credential.access.user_id

    # What streams call.

    def end_stream(self, number: int) -> None:
        self._streams.pop(number, None)
        self._wire.write(encode(MessageType.END, number), b"")

    def close_slow(self) -> None:
        self._close(CLOSE_TOO_SLOW, "too_slow")

    # Inside.

    def _dispatch(self, message: Message) -> None:
        if self._credential is None and message.type is not MessageType.RENEW:
            raise ProtocolError("bad_frame", "the first message is not RENEW")
        if message.type is MessageType.RENEW:
            self._renew(message)
        elif message.type is MessageType.REQUEST:
            self._request(message)
        elif message.type is MessageType.CANCEL:
            self._cancel(message)
        elif message.type is MessageType.PING:
            self._count_unsent()
            self._wire.write(encode(MessageType.PONG, 0, message.payload), b"")

    def _renew(self, message: Message) -> None:
        if message.stream != 0:
            raise ProtocolError("bad_frame", "RENEW belongs to stream 0")
        try:
            token = message.payload.decode("ascii", errors="replace")
            credential = self._hub.verify_viewer(token, self._recorder_id)
        except Refusal as refusal:
            self._close(CLOSE_UNAUTHORIZED, refusal.code)
            return
        if self._credential is None:
            self._begin(credential)
        elif not _is_same_person(self._credential, credential):
            self._close(CLOSE_FORBIDDEN, "token_not_for_this")
        else:
            self._continue(credential)

    def _begin(self, credential: Credential) -> None:
        try:
            self._hub.admit(self, credential.access)
        except Refusal as refusal:
            self._close(CLOSE_BUSY, refusal.code)
            return
        self._credential = credential
        self._deadline = None
        if not self._hub.is_linked(self._recorder_id):
            self._close(CLOSE_OFFLINE, "recorder_offline")

    def _continue(self, credential: Credential) -> None:
        if credential.access.issued_at + ORDER_S < self._renewed_after:
            return
        self._credential = credential
        self._deadline = None
        for running in list(self._streams.values()):
            running.renew(credential)

    def _request(self, message: Message) -> None:
        if message.stream <= self._last_stream:
            raise ProtocolError("bad_frame", f"stream {message.stream} was used before")
        self._last_stream = message.stream
        self._count_unsent()
        outlet = StreamOutlet(self, self._wire, message.stream)
        try:
            running = self._open(outlet, message.payload)
        except Refusal as refusal:
            passage.answer(outlet, refusal)
        except ProtocolError as error:
            passage.answer(outlet, Refusal(400, error.code, error.message))
        else:
            if running is not None and not outlet.is_over:
                self._streams[message.stream] = running

    def _open(self, outlet: StreamOutlet, payload: bytes) -> Running | None:
        if self._credential is None or len(self._streams) >= MAX_STREAMS:
            raise Refusal(429, "too_many_streams", f"A session has {MAX_STREAMS} streams at most.")
        request = parse_request(payload)
        return open_request(self._hub, self._recorder_id, self._credential, request, outlet)

    def _cancel(self, message: Message) -> None:
        if message.stream > self._last_stream:
            raise ProtocolError("bad_frame", f"stream {message.stream} was never opened")
        running = self._streams.get(message.stream)
        if running is not None:
            running.cancel()
            self.end_stream(message.stream)

    def _drain(self) -> None:
        """Writes what waits; the stream that was first goes last next time."""
        self._unsent = 0
        for number, running in list(self._streams.items()):
            if not self._wire.is_writable:
                return
            if self._streams.pop(number, None) is not None:
                self._streams[number] = running
            running.drain()

    def _count(self) -> None:
        """A bucket of MESSAGE_BURST messages that fills again with MESSAGES_PER_S (P2)."""
        now = self._now()
        refill = (now - self._counted_at) * MESSAGES_PER_S
        self._tokens = min(MESSAGE_BURST, self._tokens + refill) - 1
        self._counted_at = now
        if self._tokens < 0:
            raise ProtocolError("too_many_messages", "more messages than any page sends")

    def _count_unsent(self) -> None:
        if self._wire.is_writable:
            self._unsent = 0
            return
        self._unsent += 1
        if self._unsent > _MAX_UNSENT:
            self.close_slow()

    def _close(self, code: int, reason: str) -> None:
        if self._is_closed:
            return
        self._hub.counters[f"session_closed_{reason}"] += 1
        self.disconnected()
        self._wire.close(code, reason)


class StreamOutlet:
    """Outlet over one stream of a session."""

    def __init__(self, door: SessionDoor, wire: SocketWire, number: int) -> None:
        self.is_over = False
        self._door = door
        self._number = number
        self._wire = wire
        self._data_header = encode(MessageType.DATA, number)

    @property
    def is_writable(self) -> bool:
        return self._wire.is_writable

    def head(self, head: ResponseHead) -> None:
        self._wire.write(self._data_header, format_response_head(head))

    def data(self, payload: bytes) -> None:
        self._wire.write(self._data_header, payload)

    def offer(self, payload: bytes) -> bool:
        wire = self._wire
        if not wire.is_writable:
            return False
        wire.write(self._data_header, payload)
        return True

    def notice(self, code: str, detail: str, **extra: Any) -> None:
        notice = encode_notice(self._number, code, detail, is_final=False, **extra)
        self._wire.write(notice, b"")

    def end(self) -> None:
        self.is_over = True
        self._door.end_stream(self._number)

    def fail(self, code: str, detail: str) -> None:
        self.is_over = True
        if code == "too_slow":
            self._door.close_slow()
            return
        self._wire.write(encode_notice(self._number, code, detail, is_final=True), b"")
        self._door.end_stream(self._number)


def _is_same_person(old: Credential, new: Credential) -> bool:
    """The page may have opened a newer session at the portal, say after its network changed."""
    return old.access.user_id == new.access.user_id
