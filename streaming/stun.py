"""The STUN server (RFC 8489 Binding): tells a client the address the Internet sees it at.

Answers nothing but well-formed Binding requests and keeps no state. An answer is not much larger
than its request, so it is of no use to amplify an attack.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aioice import stun

logger = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 548  # RFC 8489 §6.1: a request stays below the smallest MTU
SOFTWARE = "Contera"
ANY_ADDRESS = "0.0.0.0"  # IPv4: there is no NAT to see through on IPv6


def answer(data: bytes, client: tuple[str, int]) -> bytes | None:
    """The response to a datagram from `client`, or None when it deserves none."""
    if len(data) > MAX_REQUEST_BYTES:
        return None
    try:
        request = stun.parse_message(data)
    except (ValueError, IndexError, struct.error):
        return None
    if request.message_class != stun.Class.REQUEST or request.message_method != stun.Method.BINDING:
        return None
    response = stun.Message(
        stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id
    )
    response.attributes["XOR-MAPPED-ADDRESS"] = client
    response.attributes["SOFTWARE"] = SOFTWARE
    response.add_fingerprint()
    return bytes(response)


class StunProtocol(asyncio.DatagramProtocol):
    """Moves datagrams; `answer` decides."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # always a datagram transport here
        self._transport = transport

    def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
        response = answer(data, (client[0], client[1]))
        if response is not None:
            self._transport.sendto(response, client)


@asynccontextmanager
async def serving(host: str, port: int) -> AsyncIterator[None]:
    """The server answers on UDP `port` inside the block.

    A taken port is logged and nothing else: video still travels by the relay.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(StunProtocol, (host, port))
    except OSError as error:
        logger.warning("no STUN on UDP port %d: %s", port, error)
        yield
        return
    try:
        yield
    finally:
        transport.close()
