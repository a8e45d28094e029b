"""A viewer on the relay's session (docs/design/contracts.md §5).

async with relay_session("ws://portal.test/relay/v1/recorders/…/session") as session:
    await session.renew(token)
    status, body = await session.ask("/v1/")
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from protocol.session import SUBPROTOCOL
from tests.viewers.session import ViewerSession, session_over

CONNECT_S = 10.0


class RelayViewer:
    """The channel: a WebSocket whose messages are session messages."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @property
    def closed_with(self) -> tuple[int, str]:
        return self.socket.close_code or 1006, self.socket.close_reason or ""

    async def send(self, message: bytes) -> None:
        await self.socket.send(message)

    async def messages(self) -> AsyncIterator[bytes]:
        try:
            async for message in self.socket:
                assert isinstance(message, bytes)
                yield message
        except ConnectionClosed:
            return


@asynccontextmanager
async def relay_session(
    url: str, trust: ssl.SSLContext | None = None
) -> AsyncIterator[ViewerSession]:
    """A session that has not shown a token yet. `trust`: of wss with a certificate of one's own."""
    async with (
        connect(
            url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
            compression=None,
            max_size=None,
            open_timeout=CONNECT_S,
            close_timeout=1,
            proxy=None,
            ssl=trust,
        ) as socket,
        session_over(RelayViewer(socket)) as session,
    ):
        yield session
