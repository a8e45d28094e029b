"""Sealed WebSockets at the web door: a viewer proves nothing, the recorder proves everything.

The first message is the client's hello, the answer our signed one (`protocol.sealing`); from then
on each message is a record with one message of `protocol.session`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import WSMessage, WSMsgType, web

from cmr.api.door import Door
from cmr.api.message import ApiError
from cmr.api.routes import Api
from cmr.doors.fragment_limit import FragmentLimit
from cmr.doors.message_rate import MessageRate
from cmr.doors.session import CLOSE_BUSY, CLOSE_RESTART, Session
from cmr.doors.sockets import prepare_for_body
from protocol.errors import ProtocolError
from protocol.sealing import OVERHEAD_BYTES, SealedChannel, answer_hello
from protocol.session import (
    CLOSE_BAD_MESSAGE,
    CLOSE_UNAUTHORIZED,
    MAX_MESSAGE_BYTES,
)

PATH = "/v1/session"
SUBPROTOCOL = "contera.session.v1.sealed"
SEALING_KIND = "session"
MAX_SOCKETS = 128  # a page has one per recorder; the archive needs descriptors too
MAX_WITHOUT_TOKEN = 32  # whoever may connect, may not keep others from it
MAX_WITHOUT_TOKEN_PER_ADDRESS = 8
HELLO_S = 5.0  # a hello follows the handshake at once; after it the token has its own deadline
CLOSE_S = 1.0  # for the viewer's half of the close
CLOSE_POLICY = 1008  # RFC 6455 §7.4.1


class SessionSockets:
    """All session sockets of one web door."""

    def __init__(self, api: Api, door: Door) -> None:
        self._api = api
        self._door = door
        self._sessions: set[Session] = set()
        self._count = 0
        self._without_token: Counter[str] = Counter()
        self._all_left = asyncio.Event()
        self._is_stopping = False

    @staticmethod
    def is_for(request: web.BaseRequest) -> bool:
        """Whether a request wants a session socket."""
        wants = request.headers.get("Upgrade", "").lower() == "websocket"
        return wants and request.method == "GET" and request.raw_path == PATH

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One socket, to its end; raises ApiError 403 when it is none of ours.

        Any Origin may connect: there are no cookies, and without a token nothing is answered.
        """
        if SUBPROTOCOL not in _subprotocols(request):
            raise ApiError(403, "bad_subprotocol", f"the subprotocol here is {SUBPROTOCOL}")
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            timeout=CLOSE_S,
            autoping=False,
            compress=False,  # P2: a compressed bomb is refused, and video is compressed already
            max_msg_size=MAX_MESSAGE_BYTES + OVERHEAD_BYTES + 1,
            writer_limit=0,  # look at the line after each message
        )
        await socket.prepare(request)
        if request.transport is not None:
            prepare_for_body(request.transport, is_live=True)
        limit = FragmentLimit(socket, request)
        self._count += 1
        try:
            await self._serve(socket, limit, request.remote or "")
        finally:
            self._count -= 1
            _let_go(request.transport)
        return socket

    async def stop(self, within_s: float) -> None:
        """Closes all sessions politely."""
        self._is_stopping = True
        self._all_left.clear()
        for session in self._sessions:
            session.stop()
        if self._sessions:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._all_left.wait()

    async def _serve(
        self, socket: web.WebSocketResponse, limit: FragmentLimit, address: str
    ) -> None:
        if self._is_stopping:
            await socket.close(code=CLOSE_RESTART, message=b"recorder_stopping")
            return
        if self._is_full(address):
            await socket.close(code=CLOSE_BUSY, message=b"too_busy")
            return
        place = _Place(self._without_token, address)
        try:
            if (sealed := await self._shake_hands(socket)) is not None:
                await self._run(SealedSocket(socket, limit, sealed), place, address)
        finally:
            place.give_back()

    def _is_full(self, address: str) -> bool:
        return (
            self._count > MAX_SOCKETS
            or self._without_token.total() >= MAX_WITHOUT_TOKEN
            or self._without_token[address] >= MAX_WITHOUT_TOKEN_PER_ADDRESS
        )

    async def _run(self, channel: SealedSocket, place: _Place, address: str) -> None:
        door = replace(self._door, peer=address)
        session = Session(self._api, door, channel, on_token=place.give_back)
        self._sessions.add(session)
        try:
            await session.run(channel.messages())
        finally:
            self._sessions.discard(session)
            if not self._sessions:
                self._all_left.set()

    async def _shake_hands(self, socket: web.WebSocketResponse) -> SealedChannel | None:
        """The sealed channel; None when the socket was closed instead."""
        host = self._api.host
        if host is None:
            # There is no key that a portal could have named: nothing could be proved.
            await socket.close(code=CLOSE_UNAUTHORIZED, message=b"not_registered")
            return None
        try:
            hello = await socket.receive_bytes(timeout=HELLO_S)
            signer, host_id = host
            answer, sealed = answer_hello(hello, signer, SEALING_KIND, host_id)
            await socket.send_bytes(answer)
        except TimeoutError:
            await socket.close(code=CLOSE_UNAUTHORIZED, message=b"token_missing")
        except (ProtocolError, TypeError):  # TypeError: not a binary message
            await socket.close(code=CLOSE_BAD_MESSAGE, message=b"bad_hello")
        except OSError:
            pass  # the viewer left
        else:
            return sealed
        return None


class _Place:
    """One of the few places for viewers that have shown no token."""

    def __init__(self, taken: Counter[str], address: str) -> None:
        self._taken = taken
        self._address: str | None = address
        taken[address] += 1

    def give_back(self) -> None:
        """Safe to call twice."""
        if self._address is None:
            return
        self._taken[self._address] -= 1
        if not self._taken[self._address]:
            del self._taken[self._address]
        self._address = None


class SealedSocket:
    """The channel of a session: each message is one record in one WebSocket message."""

    def __init__(
        self, socket: web.WebSocketResponse, limit: FragmentLimit, sealed: SealedChannel
    ) -> None:
        self._socket = socket
        self._limit = limit
        self._sealed = sealed
        self._rate = MessageRate()

    async def send(self, message: bytes) -> None:
        await self._socket.send_bytes(self._sealed.seal(message))

    async def close(self, code: int, reason: str) -> None:
        await self._socket.close(code=code, message=reason.encode())

    async def messages(self) -> AsyncIterator[bytes]:
        """What the viewer sends, opened; ends with the socket. Raises ProtocolError for what does
        not belong here."""
        while True:
            message = await self._socket.receive()
            self._limit.message_taken()
            if message.type is WSMsgType.BINARY:
                yield self._sealed.open(message.data)
            elif message.type is WSMsgType.TEXT:
                raise ProtocolError("bad_frame", "text is not part of the protocol")
            elif not await self._answer_ping(message):
                return

    async def _answer_ping(self, message: WSMessage) -> bool:
        """False when the socket ends: it closed, or sent pings in masses. Browsers send none."""
        if message.type not in {WSMsgType.PING, WSMsgType.PONG}:
            return False
        try:
            self._rate.count(asyncio.get_running_loop().time())
        except ProtocolError as error:
            await self._socket.close(code=CLOSE_POLICY, message=error.code.encode())
            return False
        if message.type is WSMsgType.PING:
            await self._socket.pong(message.data)
        return True


def _let_go(transport: asyncio.Transport | None) -> None:
    """A viewer that read nothing would keep its connection, and what waits in it, for ever."""
    if transport is not None and transport.get_write_buffer_size():
        transport.abort()


def _subprotocols(request: web.BaseRequest) -> list[str]:
    values = request.headers.getall("Sec-WebSocket-Protocol", [])
    return [name.strip() for value in values for name in value.split(",")]
