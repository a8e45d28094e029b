"""The ports of the web door: plain http, https, and one that speaks both by the first byte.

A TLS connection begins with a handshake record, whose first byte is 22 (RFC 8446 §5.1); no HTTP
method does. The byte is only looked at, so whoever serves the connection finds it untouched.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cmr.config import WebConfig
from cmr.doors.sockets import keep_queues_short

BACKLOG = 128
FIRST_BYTE_S = 10.0  # browsers open connections ahead of need, and open them again
TLS_HANDSHAKE_S = 10.0
TLS_SHUTDOWN_S = 2.0
# asyncio reads TLS into 256 KiB per connection and offers no way to choose; a record has 16 KiB at
# most (RFC 8446 §5.1). Measured: 288 KiB for an idle connection become 49 KiB (R14).
TLS_READ_BYTES = 16 * 1024
MAX_GREETED = 64  # connections of one port that have not said what they want
EXHAUSTED_S = 0.5  # no descriptors are left: others must end first
_HANDSHAKE = b"\x16"

Factory = Callable[[], asyncio.BaseProtocol]

log = logging.getLogger(__name__)


class Speech(StrEnum):
    """What a port understands."""

    HTTP = "http"
    HTTPS = "https"
    BOTH = "both"


@dataclass(frozen=True)
class Port:
    """A listening socket; belongs to who opened it."""

    sock: socket.socket
    speaks: Speech = Speech.HTTP

    @property
    def number(self) -> int:
        found: int = self.sock.getsockname()[1]
        return found

    @staticmethod
    def keep_tls_small() -> None:
        """For all TLS connections of this process; a test holds the name that is used here."""
        SSLProtocol.max_size = TLS_READ_BYTES

    def urls(self, host: str) -> list[str]:
        """Where it is reached, for people; `host` as configured."""
        name = f"[{host}]" if ":" in host else host
        schemes = ["http", "https"] if self.speaks is Speech.BOTH else [str(self.speaks)]
        return [f"{scheme}://{name}:{self.number}/" for scheme in schemes]

    async def serve(self, factory: Factory, tls: ssl.SSLContext | None) -> None:
        """Hands connections to protocols until cancelled. `tls` is needed unless it speaks HTTP
        alone."""
        self.keep_tls_small()
        loop = asyncio.get_running_loop()
        greeted: dict[asyncio.Task[None], None] = {}  # the oldest first
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    sock, _ = await loop.sock_accept(self.sock)
                except OSError as error:
                    log.warning("port %d: %s", self.number, error.strerror)
                    await asyncio.sleep(EXHAUSTED_S)
                    continue
                if len(greeted) >= MAX_GREETED:
                    # Not the newest: whoever says nothing may not keep out those who do at once.
                    next(iter(greeted)).cancel()
                task = group.create_task(self._greet(sock, factory, tls))
                greeted[task] = None
                task.add_done_callback(lambda done: greeted.pop(done, None))
                await asyncio.sleep(0)  # it begins, and will close its socket

    async def _greet(
        self, sock: socket.socket, factory: Factory, tls: ssl.SSLContext | None
    ) -> None:
        try:
            if self.speaks is Speech.BOTH:
                async with asyncio.timeout(FIRST_BYTE_S):
                    tls = tls if await _begins_tls(sock) else None
            elif self.speaks is Speech.HTTP:
                tls = None
            limits = {"ssl_handshake_timeout": TLS_HANDSHAKE_S} if tls else {}
            limits |= {"ssl_shutdown_timeout": TLS_SHUTDOWN_S} if tls else {}
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(factory, sock, ssl=tls, **limits)
        except (OSError, TimeoutError):  # it left, was silent, or speaks no TLS that we do
            sock.close()
        except asyncio.CancelledError:
            sock.close()
            raise


async def _begins_tls(sock: socket.socket) -> bool:
    """Waits for the first byte and leaves it where it is."""
    loop = asyncio.get_running_loop()
    is_readable = asyncio.Event()
    loop.add_reader(sock, is_readable.set)
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(sock)
    return sock.recv(1, socket.MSG_PEEK) == _HANDSHAKE


def listen(config: WebConfig) -> socket.socket:
    """The socket of plain http; raises OSError that names address and port."""
    return _listen(config.host, config.port)


def open_ports(config: WebConfig) -> list[Port]:
    """All ports of the configuration; raises OSError when that of plain http cannot be had.

    The others are extra: one that is taken is a warning.
    """
    ports = [Port(listen(config))] if config.port else []
    extra = ((config.https_port, Speech.HTTPS), (config.streaming_port, Speech.BOTH))
    for number, speaks in extra:
        try:
            ports += [Port(_listen(config.host, number), speaks)] if number else []
        except OSError as error:
            log.warning("%s; the recorder goes on without it", error.strerror)
    return ports


def why(error: OSError) -> str:
    """Python adds the address, which is named already."""
    number = error.errno or 0  # those of resolvers are negative
    return os.strerror(number) if number > 0 else str(error.strerror or error)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        fact = f"[web] cannot listen on {host} port {port}: {why(error)}"
        raise OSError(error.errno, fact) from None
    keep_queues_short(sock)
    sock.setblocking(False)
    return sock
