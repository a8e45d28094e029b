"""Socket settings of connections that carry video.

What waits in a buffer below us cannot be dropped any more when the line is slow, so live video
keeps those buffers nearly empty: frames wait in `LiveStream`'s queue, which knows what to drop.
"""

from __future__ import annotations

import asyncio
import socket

# Sent and not yet acknowledged included: 20 Mbps over a line of 100 ms.
SEND_BUFFER_BYTES = 256 * 1024
# Bytes the kernel holds unsent before it says "full". Nine streams on 1 Mbps have 110 kbps each,
# where 16 KiB are 1.2 s (R6); a file may as well keep the line busy.
LIVE_UNSENT_BYTES = 16 * 1024
FILE_UNSENT_BYTES = 128 * 1024
# The same for the event loop's own buffer: 0 means that a writer waits until the kernel took all.
LIVE_WAITING_BYTES = 0
FILE_WAITING_BYTES = 256 * 1024

# TCP_NOTSENT_LOWAT (tcp(7)): Linux and macOS.
_NOT_SENT = getattr(socket, "TCP_NOTSENT_LOWAT", None)


def keep_queues_short(sock: socket.socket) -> None:
    """Bounds what the kernel holds. Accepted sockets inherit it from a listening one."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


def prepare_for_body(transport: asyncio.WriteTransport, *, is_live: bool) -> None:
    """Sets the buffers of a connection for the body that comes next."""
    unsent = LIVE_UNSENT_BYTES if is_live else FILE_UNSENT_BYTES
    waiting = LIVE_WAITING_BYTES if is_live else FILE_WAITING_BYTES
    sock = transport.get_extra_info("socket")
    if sock is not None and _NOT_SENT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _NOT_SENT, unsent)
    below = below_tls(transport)
    if below is transport:
        transport.set_write_buffer_limits(high=waiting)
    else:
        # With 0 asyncio's TLS takes an empty buffer for a full one, and a writer waits for ever.
        transport.set_write_buffer_limits(high=max(1, waiting))
        below.set_write_buffer_limits(high=waiting)


def below_tls(transport: asyncio.WriteTransport) -> asyncio.WriteTransport:
    """The transport that writes to the socket. Below TLS asyncio keeps another 64 KiB and offers no
    public way to it; a test holds the names that are used here."""
    tls = getattr(transport, "_ssl_protocol", None)
    found = getattr(tls, "_transport", None)
    return found if isinstance(found, asyncio.WriteTransport) else transport
