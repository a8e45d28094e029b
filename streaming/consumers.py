"""Browsers' sessions in the portal: the relay's session door behind a Channels consumer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from redis.exceptions import RedisError

from protocol.session import SUBPROTOCOL
from streaming.relay.asgi import may_connect, session_recorder
from streaming.relay.hub import Hub
from streaming.relay.session import CLOSE_BUSY, SessionDoor
from streaming.relay.wire import Receive, Scope, Send, SocketWire, with_socket_wire

logger = logging.getLogger(__name__)

SIGNALS_S = 5.0  # for the channel layer to take a subscription
SIGNALS_LOST = "signals_unavailable"


class SessionConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Adds one thing to the door: group `user.<id>`, over which `access.changed` arrives.

    Video never touches the channel layer: when it is lost, running sessions go on, and a withdrawn
    right still ends with the token (R10).
    """

    def __init__(self, hub: Hub, portal_origins: Collection[str]) -> None:
        super().__init__()
        self._hub = hub
        self._portal_origins = portal_origins
        self._wire: SocketWire | None = None
        self._door: SessionDoor | None = None
        self._group: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def serve(wire: SocketWire) -> None:
            self._wire = wire
            try:
                await super(SessionConsumer, self).__call__(scope, receive, send)
            except (RedisError, OSError):
                if self._door is not None:
                    raise
                await _refuse_new(receive, send)

        await with_socket_wire(scope, send, serve)

    async def connect(self) -> None:
        recorder_id = session_recorder(self.scope)
        is_welcome = may_connect(self.scope, self._portal_origins)
        if recorder_id is None or self._wire is None or not is_welcome:
            await self.close()
            return
        await self.accept(SUBPROTOCOL)
        self._door = SessionDoor(self._hub, recorder_id, self._wire)
        self._door.open()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._door is None:
            return
        if bytes_data is None:
            self._door.receive_text()
            return
        self._door.receive(bytes_data)
        if self._group is None and self._door.user_id is not None:
            await self._subscribe(self._door.user_id)

    async def access_changed(self, event: dict[str, Any]) -> None:
        """Somebody changed what this person may see."""
        if self._door is not None:
            self._door.require_renewal(self._hub.clock.unix())

    async def disconnect(self, code: int) -> None:
        if self._door is not None:
            self._door.disconnected()
        if self._group is not None:
            try:
                async with asyncio.timeout(SIGNALS_S):
                    await self.channel_layer.group_discard(self._group, self.channel_name)
            except (RedisError, OSError, TimeoutError):
                logger.info("channel layer lost: the subscription of a closed session expires")

    async def _subscribe(self, user_id: str) -> None:
        self._group = f"user.{user_id}"
        try:
            async with asyncio.timeout(SIGNALS_S):
                await self.channel_layer.group_add(self._group, self.channel_name)
        except (RedisError, OSError, TimeoutError):
            logger.warning("channel layer lost: a new session was refused")
            await self.close(CLOSE_BUSY, SIGNALS_LOST)


async def _refuse_new(receive: Receive, send: Send) -> None:
    """The channel layer is lost and the session cannot have a channel: a reason that pages can
    read, where a refused handshake would have none."""
    logger.warning("channel layer lost: a new session was refused")
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
    await send({"type": "websocket.close", "code": CLOSE_BUSY, "reason": SIGNALS_LOST})
