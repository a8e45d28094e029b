"""Answers over one WebSocket, where a filter holds or refuses long POSTs (`protocol.link`)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping

import aiohttp

from cmr.api.message import Response
from cmr.doors.answer import WRITE_TIMEOUT_S, message_chunks
from cmr.doors.sockets import prepare_for_body
from protocol import link
from protocol.errors import ProtocolError
from protocol.link import LinkMessage, LinkType

SOCKET_S = 2.0  # to connect and to hear a PONG
HEARTBEAT_S = 15.0  # of the WebSocket layer: a dead line shows after 22 s
MAX_MESSAGE_BYTES = 1024  # the relay says little


class SocketRefused(Exception):
    """No WebSocket passes; the text says what happened instead."""


class RelaySocket:
    """`run` reads until the socket ends; `answer` may be called meanwhile, any number at once."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, relay_pass: str) -> None:
        self._socket = socket
        self._shown_pass = relay_pass
        self._answers: dict[str, _Outgoing] = {}
        self._is_retired = False
        self._turn = asyncio.Lock()  # answers take turns, piece by piece

    @classmethod
    async def connect(
        cls, session: aiohttp.ClientSession, node: str, headers: Mapping[str, str], relay_pass: str
    ) -> RelaySocket:
        """A socket over which a PING came back; raises SocketRefused."""
        try:
            async with asyncio.timeout(SOCKET_S):
                socket = await session.ws_connect(
                    f"{node}/relay/v1/link",
                    headers=headers,
                    protocols=[link.SUBPROTOCOL],
                    heartbeat=HEARTBEAT_S,
                    max_msg_size=MAX_MESSAGE_BYTES,
                )
                made = cls(socket, relay_pass)
                try:
                    await made._prove()
                except BaseException:
                    await socket.close()
                    raise
        except aiohttp.WSServerHandshakeError as error:
            raise SocketRefused(f"status {error.status}") from None
        except TimeoutError:
            raise SocketRefused("no answer") from None
        except (aiohttp.ClientError, OSError, TypeError, ValueError, ProtocolError) as error:
            raise SocketRefused(str(error) or type(error).__name__) from None
        return made

    async def _prove(self) -> None:
        """Both directions carry messages, not the handshake alone."""
        if self._socket.protocol != link.SUBPROTOCOL:
            raise SocketRefused("the subprotocol was removed")
        sent = secrets.token_bytes(8)
        await self._socket.send_bytes(link.encode(LinkType.PING, payload=sent))
        message = link.decode_from_relay(await self._socket.receive_bytes())
        if (message.type, message.payload) != (LinkType.PONG, sent):
            raise SocketRefused("something else answered")
        keep_no_queue(self._socket)

    async def run(self) -> None:
        """Returns when the socket is gone; what was being answered has failed then."""
        try:
            async for message in self._socket:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    break
                try:
                    self._hear(link.decode_from_relay(message.data))
                except ProtocolError:
                    break
        finally:
            for answer in list(self._answers.values()):
                answer.lose()
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await self._socket.close()

    async def retire(self) -> None:
        """No more answers come; it closes when the running ones are over."""
        self._is_retired = True
        if not self._answers:
            await self._socket.close()

    async def answer(self, exchange_id: str, response: Response, relay_pass: str) -> str | None:
        """Sends an answer; None, or the relay's reason to want no more of it.

        Raises ConnectionError when the socket is lost, TimeoutError when the line moves nothing.
        """
        if self._socket.closed:
            raise ConnectionResetError("the socket to the relay is closed")
        await self._show(relay_pass)
        outgoing = self._answers[exchange_id] = _Outgoing()
        try:
            await self._send_all(exchange_id, outgoing, response)
        except TimeoutError:
            if outgoing.stopped is None:
                await self._break(exchange_id)
                raise
        except BaseException:
            await self._break(exchange_id)
            raise
        finally:
            self._answers.pop(exchange_id, None)
            if self._is_retired:
                await self.retire()
        if outgoing.is_lost:
            raise ConnectionResetError("the socket to the relay was lost")
        return outgoing.stopped

    async def _send_all(self, exchange_id: str, outgoing: _Outgoing, response: Response) -> None:
        async with asyncio.timeout(None) as outgoing.watch:
            type_ = LinkType.BEGIN
            async with contextlib.aclosing(_pieces(response)) as pieces:
                async for piece in pieces:
                    await outgoing.take_credit(len(piece))
                    await self._send(outgoing, link.encode(type_, exchange_id, piece))
                    type_ = LinkType.DATA
            await self._send(outgoing, link.encode(LinkType.END, exchange_id))

    async def _send(self, outgoing: _Outgoing, data: bytes) -> None:
        outgoing.expect(WRITE_TIMEOUT_S)
        async with self._turn:
            await self._socket.send_bytes(data)
        outgoing.expect(None)

    async def _show(self, relay_pass: str) -> None:
        """The newest pass: the relay looks at it when an answer begins."""
        if relay_pass != self._shown_pass:
            self._shown_pass = relay_pass
            data = link.encode(LinkType.PASS, payload=relay_pass.encode())
            await self._socket.send_bytes(data)

    async def _break(self, exchange_id: str) -> None:
        """The relay must not take a part for the whole."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self._socket.send_bytes(link.encode(LinkType.BREAK, exchange_id))

    def _hear(self, message: LinkMessage) -> None:
        answer = self._answers.get(message.exchange)
        if answer is None:
            return
        if message.type is LinkType.CREDIT:
            answer.give_credit(message.credit)
        elif message.type is LinkType.STOP:
            answer.stop(message.payload.decode("ascii", errors="replace"))


class _Outgoing:
    """One answer on its way: its credit, and what ends it early."""

    def __init__(self) -> None:
        self.watch: asyncio.Timeout | None = None
        self.stopped: str | None = None
        self.is_lost = False
        self._credit = link.WINDOW_BYTES
        self._more = asyncio.Event()

    async def take_credit(self, size_bytes: int) -> None:
        """Waits until the relay has taken enough of what was sent."""
        while self._credit < size_bytes:
            self._more.clear()
            await self._more.wait()
        self._credit -= size_bytes

    def give_credit(self, size_bytes: int) -> None:
        self._credit = min(self._credit + size_bytes, link.WINDOW_BYTES)
        self._more.set()

    def expect(self, within_s: float | None) -> None:
        """What comes next must be over in this time."""
        if self.watch is not None and self.stopped is None and not self.watch.expired():
            now = asyncio.get_running_loop().time()
            self.watch.reschedule(None if within_s is None else now + within_s)

    def stop(self, code: str) -> None:
        """Ends it where it is, also while it waits for the camera's next frame."""
        self.expect(0.0)
        self.stopped = code

    def lose(self) -> None:
        self.is_lost = True
        self.stop("lost")


async def _pieces(response: Response) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(message_chunks(response)) as chunks:
        async for chunk in chunks:
            for at in range(0, len(chunk), link.MAX_PIECE_BYTES):
                yield chunk[at : at + link.MAX_PIECE_BYTES]


def keep_no_queue(socket: aiohttp.ClientWebSocketResponse) -> None:
    """What waits below cannot be dropped any more. aiohttp looks after each 64 KiB only whether the
    line is slow, and offers no public way to change it; a test holds the names used here."""
    writer = socket._writer
    writer._limit = 0
    prepare_for_body(writer.transport, is_live=True)
