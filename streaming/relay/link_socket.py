"""A recorder's answers over one WebSocket, where its POSTs are filtered (`protocol.link`)."""

from __future__ import annotations

from protocol import link
from protocol.errors import ProtocolError
from protocol.link import CLOSE_BAD_MESSAGE, CLOSE_REPLACED, LinkMessage, LinkType
from protocol.tokens import RelayPass
from streaming.relay.exchange import Exchange
from streaming.relay.hub import Hub
from streaming.relay.limits import MAX_EXCHANGES
from streaming.relay.refusals import Refusal
from streaming.relay.wire import SocketWire

_CREDIT_STEP = link.WINDOW_BYTES // 4
_MAX_UNSENT = 4 * MAX_EXCHANGES  # words to a recorder that reads nothing
_CLOSE_BUSY = 1013


class LinkSocket:
    """Synchronous, as a viewer's session: the server calls `receive` and `disconnected`."""

    def __init__(self, hub: Hub, recorder: RelayPass, boot: str, wire: SocketWire) -> None:
        self.recorder_id = recorder.recorder_id
        self.boot = boot
        self._hub = hub
        self._pass = recorder
        self._wire = wire
        self._answers: dict[str, SocketAnswer] = {}
        self._is_closed = False
        self._unsent = 0

    def open(self) -> None:
        """The socket was accepted; the recorder's older one is closed."""
        try:
            self._hub.keep_socket(self)
        except Refusal as refusal:
            self.close(CLOSE_REPLACED if refusal.status == 409 else _CLOSE_BUSY, refusal.code)

    def receive(self, data: bytes) -> None:
        """A binary message of the recorder; bad ones close the socket."""
        if self._is_closed:
            return
        try:
            self._dispatch(link.decode_from_recorder(data))
        except ProtocolError as error:
            self.close(CLOSE_BAD_MESSAGE, error.code)

    def receive_text(self) -> None:
        """Text is not part of the protocol."""
        self.close(CLOSE_BAD_MESSAGE, "bad_frame")

    def disconnected(self) -> None:
        """The socket is gone: what was being answered breaks off."""
        if self._is_closed:
            return
        self._is_closed = True
        self._hub.drop_socket(self)
        for answer in list(self._answers.values()):
            answer.lose()

    def close(self, code: int, reason: str) -> None:
        if not self._is_closed:
            self._hub.counters[f"link_socket_closed_{reason}"] += 1
            self.disconnected()
            self._wire.close(code, reason)

    def dismiss(self, reason: str) -> None:
        """The recorder has a newer socket, was started anew, or polls no more."""
        self.close(CLOSE_REPLACED, reason)

    def forget(self, answer: SocketAnswer) -> None:
        """The answer is over."""
        self._answers.pop(answer.exchange.id, None)

    def write(self, data: bytes) -> None:
        """A word to the recorder; one that reads none of them is cut."""
        if self._is_closed:
            return
        self._unsent = 0 if self._wire.is_writable else self._unsent + 1
        if self._unsent > _MAX_UNSENT:
            self.close(CLOSE_BAD_MESSAGE, "too_slow")
        else:
            self._wire.write(data, b"")

    def _dispatch(self, message: LinkMessage) -> None:
        match message.type:
            case LinkType.BEGIN:
                self._begin(message)
            case LinkType.PASS:
                self._renew(message.payload)
            case LinkType.PING:
                self.write(link.encode(LinkType.PONG, payload=message.payload))
            case _:
                answer = self._answers.get(message.exchange)
                if answer is not None:  # else it was stopped while this was on its way
                    answer.take(message)

    def _begin(self, message: LinkMessage) -> None:
        if message.exchange in self._answers:
            raise ProtocolError("bad_frame", "an answer begins twice")
        answer = SocketAnswer(self)
        try:
            self._check_pass()
            answer.exchange = self._hub.begin_answer(message.exchange, self.recorder_id, answer)
        except Refusal as refusal:
            code = refusal.code.encode()[:64]
            self.write(link.encode(LinkType.STOP, message.exchange, code))
            return
        self._answers[message.exchange] = answer
        answer.take(message)

    def _check_pass(self) -> None:
        """As a POST: the pass must be valid when an answer begins."""
        if self._pass.expires_at <= self._hub.clock.unix():
            raise Refusal(401, "token_expired", "The relay pass of the socket expired.")

    def _renew(self, token: bytes) -> None:
        renewed = self._hub.verify_pass(token.decode("ascii", errors="replace"))
        if renewed.recorder_id != self.recorder_id:
            raise ProtocolError("token_not_for_this", "the pass of another recorder")
        self._pass = renewed


class SocketAnswer:
    """The Source of one exchange; set `exchange` before anything else."""

    exchange: Exchange

    def __init__(self, socket: LinkSocket) -> None:
        self._socket = socket
        self._untold = 0  # bytes taken whose credit was not given back yet
        self._is_paused = False

    def take(self, message: LinkMessage) -> None:
        """BEGIN, DATA, END or BREAK; raises ProtocolError when the recorder ignores the window."""
        try:
            if message.type is LinkType.END:
                self._socket.forget(self)
                self.exchange.close()
            elif message.type is LinkType.BREAK:
                self.lose()
            else:
                self._feed(message.payload)
        except Refusal as refusal:
            self.stop(refusal)

    def lose(self) -> None:
        """The recorder will not finish it."""
        self._socket.forget(self)
        self.exchange.fail(Refusal(502, "recorder_lost", "The recorder's connection broke."))

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._give_credit()

    def stop(self, refusal: Refusal) -> None:
        self._socket.forget(self)
        code = refusal.code.encode()[:64]
        self._socket.write(link.encode(LinkType.STOP, self.exchange.id, code))

    def _feed(self, data: bytes) -> None:
        self._untold += len(data)
        if self._untold > link.WINDOW_BYTES:
            raise ProtocolError("frame_too_large", "more than the window of an answer")
        self.exchange.feed(data)
        self._give_credit()

    def _give_credit(self) -> None:
        if self._untold >= _CREDIT_STEP and not self._is_paused:
            self._socket.write(link.encode_credit(self.exchange.id, self._untold))
            self._untold = 0
