"""TCP connections as sockets: for what asyncio's own clients cannot be told to do."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from cmr.doors.sockets import keep_queues_short

DIAL_S = 10.0
ADDRESS_S = 4.0  # then the host's next address: one family may lead nowhere

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]  # Any: by family


async def dial(host: str, port: int) -> socket.socket:
    """A connected, non-blocking socket; addresses are tried in turn. Raises OSError."""
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for found in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            async with asyncio.timeout(ADDRESS_S):
                return await _connect(loop, found)
        except OSError as error:
            failure = error
    raise failure


async def _connect(loop: asyncio.AbstractEventLoop, found: AddressInfo) -> socket.socket:
    family, kind, protocol, _, address = found
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        keep_queues_short(sock)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def failure_words(error: OSError) -> str:
    """`connection refused`, without the addresses that asyncio adds."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, socket.gaierror):
        return "no host has this name, or DNS is down"
    return os.strerror(error.errno).lower() if error.errno else str(error)
