"""A viewer on a recorder's sealed WebSocket (docs/design/connection.md §2).

async with sealed_session("ws://10.0.0.5:8080/v1/session", recorder_id, jwk) as session:
    await session.renew(token)
    status, body = await session.ask("/v1/")
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from protocol.sealing import ClientHandshake, SealedChannel
from tests.viewers.session import ViewerSession, session_over

SUBPROTOCOL = "contera.session.v1.sealed"
KIND = "session"
CONNECT_S = 10.0


class SealedViewer:
    """The channel, once the host has proved itself."""

    def __init__(self, socket: ClientConnection, sealed: SealedChannel) -> None:
        self.socket = socket
        self.sealed = sealed

    @property
    def closed_with(self) -> tuple[int, str]:
        return self.socket.close_code or 1006, self.socket.close_reason or ""

    async def send(self, message: bytes) -> None:
        await self.socket.send(self.sealed.seal(message))

    async def messages(self) -> AsyncIterator[bytes]:
        try:
            async for record in self.socket:
                assert isinstance(record, bytes)
                yield self.sealed.open(record)
        except ConnectionClosed:
            return


@asynccontextmanager
async def sealed_socket(url: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """The WebSocket alone, nothing said yet. `options` are those of `websockets.connect` (Any)."""
    wanted = {"subprotocols": [SUBPROTOCOL], "proxy": None, **options}
    if url.startswith("wss:"):
        wanted.setdefault("ssl", _trusts_anybody())  # the sealed channel proves who it is
    async with connect(
        url, compression=None, max_size=None, open_timeout=CONNECT_S, close_timeout=1, **wanted
    ) as socket:
        yield socket


async def prove(socket: ClientConnection, recorder_id: str, jwk: Mapping[str, Any]) -> SealedViewer:
    """Raises ProtocolError when another host answers, ConnectionClosed when none does."""
    handshake = ClientHandshake(KIND, recorder_id)
    await socket.send(handshake.hello)
    async with asyncio.timeout(CONNECT_S):
        answer = await socket.recv()
    assert isinstance(answer, bytes)
    return SealedViewer(socket, handshake.finish(answer, jwk))


@asynccontextmanager
async def sealed_session(
    url: str, recorder_id: str, jwk: Mapping[str, Any], **options: Any
) -> AsyncIterator[ViewerSession]:
    """A session that has not shown a token yet."""
    async with sealed_socket(url, **options) as socket:
        channel = await prove(socket, recorder_id, jwk)
        async with session_over(channel) as session:
            yield session


def _trusts_anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
