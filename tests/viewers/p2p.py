"""A viewer on a data channel to a recorder (docs/design/connection.md §3).

async with p2p_session(request, "p2p", ["stun:portal.test:3478"]) as session:
    await session.renew(token)
    status, body = await session.ask("/v1/")

`request(method, target, body)` gives status and body; it is how the two agree: a control session
(`over_session`), plain HTTP, or the API itself.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)

from protocol.parts import Joiner, split
from protocol.session import CLOSE_BAD_MESSAGE, SUBPROTOCOL
from tests.viewers.session import ViewerSession, session_over

OPEN_S = 15.0
GATHER_S = 1
MAX_MESSAGE_BYTES = 8 * 1024 * 1024  # a key frame of the largest camera
CLOSE_LOST = 1006

Ask = Callable[[str, str, bytes], Awaitable[tuple[int, bytes]]]


class NotConnected(Exception):
    """There is no data channel; `code` is the recorder's, or `no_pair`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


class DataChannelViewer:
    """The channel of a session. `id` and `nat` are the recorder's answer."""

    def __init__(self, peer: RTCPeerConnection, channel: RTCDataChannel) -> None:
        self.peer = peer
        self.channel = channel
        self.id = ""
        self.nat: dict[str, Any] | None = None  # Any: JSON
        self.closed_with = (CLOSE_LOST, "")
        self.is_open = asyncio.Event()
        self._joiner = Joiner(MAX_MESSAGE_BYTES)
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue()
        channel.on("open", self.is_open.set)
        channel.on("message", self._receive)
        channel.on("close", self.lost)
        peer.on("connectionstatechange", self._state_changed)

    async def send(self, message: bytes) -> None:
        for part in split(message):
            self.channel.send(part)

    async def messages(self) -> AsyncIterator[bytes]:
        while (message := await self._received.get()) is not None:
            self._note_close(message)
            yield message

    def lost(self) -> None:
        self._received.put_nowait(None)

    def _receive(self, part: bytes | str) -> None:
        assert isinstance(part, bytes)
        message = self._joiner.feed(part)
        if message is not None:
            self._received.put_nowait(message)

    def _note_close(self, message: bytes) -> None:
        """The close code of a data channel is its last notice on stream 0."""
        if message.startswith(b"\x08\0\0\0\0"):
            notice = json.loads(message[5:])
            if notice.get("is_final"):
                self.closed_with = (notice.get("close", CLOSE_BAD_MESSAGE), notice["code"])

    def _state_changed(self) -> None:
        if self.peer.connectionState in {"failed", "closed"}:
            self.lost()


def over_session(session: ViewerSession) -> Ask:
    """Signalling over a control session."""

    async def ask(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        return await session.ask(target, method, body)

    return ask


@asynccontextmanager
async def p2p_channel(
    request: Ask, mode: str = "p2p", stun_urls: Sequence[str] = ()
) -> AsyncIterator[DataChannelViewer]:
    """An open channel; raises NotConnected."""
    servers = [RTCIceServer(urls=list(stun_urls))] if stun_urls else []
    peer = RTCPeerConnection(RTCConfiguration(iceServers=servers))
    viewer = DataChannelViewer(peer, peer.createDataChannel(SUBPROTOCOL))
    try:
        await _agree(viewer, request, mode)
        try:
            async with asyncio.timeout(OPEN_S):
                await viewer.is_open.wait()
        except TimeoutError:
            raise NotConnected("no_pair", "no two addresses reach each other") from None
        yield viewer
    finally:
        await peer.close()


@asynccontextmanager
async def p2p_session(
    request: Ask, mode: str = "p2p", stun_urls: Sequence[str] = ()
) -> AsyncIterator[ViewerSession]:
    """A session that has not shown a token yet; raises NotConnected."""
    async with p2p_channel(request, mode, stun_urls) as channel, session_over(channel) as session:
        yield session


async def offer(peer: RTCPeerConnection) -> str:
    """An offer with all candidates; a silent STUN server costs a second, as in browsers."""
    assert peer.sctp is not None
    ice = peer.sctp.transport.transport._connection
    ice.get_component_candidates = functools.partial(ice.get_component_candidates, timeout=GATHER_S)
    await peer.setLocalDescription(await peer.createOffer())
    return peer.localDescription.sdp


async def _agree(viewer: DataChannelViewer, request: Ask, mode: str) -> None:
    body = json.dumps({"mode": mode, "sdp": await offer(viewer.peer)}).encode()
    status, answer = await request("POST", "/v1/p2p", body)
    fields = json.loads(answer)
    if status != 200:
        raise NotConnected(fields["code"], fields["detail"])
    viewer.id, viewer.nat = fields["id"], fields["nat"]
    await viewer.peer.setRemoteDescription(RTCSessionDescription(fields["sdp"], "answer"))
