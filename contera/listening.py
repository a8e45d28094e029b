"""How our ASGI programs listen: small buffers, no compression, bounds on slow clients."""

from __future__ import annotations

import contextlib
import gc
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from contera.wires import HttpConnection, SocketConnection
from protocol.session import MAX_MESSAGE_BYTES

# What the kernel holds for a viewer that stopped reading (it doubles the figure). A live stream of
# 5 Mbps needs 125 KiB for a round trip of 200 ms.
SEND_BUFFER_BYTES = 256 * 1024
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
BACKLOG = 2048  # recorders that come back at once after a restart
KEEP_ALIVE_S = 20  # a recorder's POST connection between two answers
GRACE_S = 8  # for answers under way at a planned stop; supervisors kill after 10 s
GC_ALLOCATIONS = 50_000  # net new objects between looks: 800 streams with a GOP of 60 have as many
WS_PING_S = 20.0  # a half-open viewer is noticed within 40 s


class Server(uvicorn.Server):
    """Tells the application of a planned stop before it waits for its connections to end, and
    returns after it: uvicorn would raise the signal again and skip what our programs clean up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def on_tick(self, counter: int) -> bool:
        """True ends the program: what runs beside the requests has failed, and a supervisor that
        starts us again is better than a relay without deadlines."""
        has_failed: bool = getattr(self.lifespan, "error_occurred", False)
        return has_failed or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        before_stop = self.lifespan.state.get("before_stop")
        if before_stop is not None:
            before_stop()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections inherit the small send buffer; port 0 takes a free
    one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OverflowError:
        listener.close()
        raise OSError(f"a port is 0 to 65535, not {port}") from None
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


@dataclass(frozen=True)
class Tls:
    """PEM files; both in one when `key` is None."""

    certificate: Path
    key: Path | None = None

    def check(self) -> None:
        """Raises ValueError, which names the files, when they cannot be used."""
        names = " and ".join(str(path) for path in (self.certificate, self.key) if path)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            fact = (error.reason or "no certificate and key in it").replace("_", " ").lower()
            raise ValueError(f"{names}: {fact}") from None
        except OSError as error:
            raise ValueError(f"{names}: {error.strerror or error}") from None


def server_config(
    app: Any, trusted_proxies: Sequence[str] = (), tls: Tls | None = None
) -> uvicorn.Config:
    """`app` is an ASGI application or its import path (Any: as uvicorn has it).

    TLS is uvloop's, whose idle connections are small; asyncio's own take 282 KiB each (R14).
    """
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=HttpConnection,
        ws=SocketConnection,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=WS_PING_S,
        ws_ping_timeout=WS_PING_S,
        lifespan="on",
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        server_header=False,
        access_log=False,  # addresses of streams are nobody's log; the portal has its audit trail
        log_config=None,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
    )


def tune_collector() -> None:
    """What lives as long as the program is not looked at again, and new objects less often: with
    800 streams the default costs 7 % of the time and pauses of 30 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 50)


def serve(
    app: Any,
    *,
    host: str,
    port: int,
    trusted_proxies: Sequence[str] = (),
    tls: Tls | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT. Raises OSError when the address is taken or a file cannot be
    used, RuntimeError when the application failed beside its requests."""
    listener = listen(host, port)
    tune_collector()
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # it logs each WebSocket's address
    server = Server(server_config(app, trusted_proxies, tls))
    server.run(sockets=[listener])
    if getattr(server.lifespan, "error_occurred", False):
        raise RuntimeError("the application failed; its log has the reason")
