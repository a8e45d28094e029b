"""A TCP line between a browser and a recorder that tests hold, cut, or lead elsewhere."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator

CHUNK_BYTES = 65_536
LOOK_S = 0.02


class Wire:
    """Passes on to `target` what comes to 127.0.0.1 `port`; `sent`: what clients sent, by line."""

    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self.target = target
        self.sent: list[bytearray] = []
        self.port = port
        self._listener = socket.create_server(("127.0.0.1", port))
        self._flows = threading.Event()
        self._flows.set()
        self._is_up = True
        self._open: set[socket.socket] = set()
        self._accepter = threading.Thread(target=self._accept, daemon=True)
        self._accepter.start()

    def hold(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    def release(self) -> None:
        """What was held passes now."""
        self._flows.set()

    def cut(self) -> None:
        """Every line breaks, and new ones are refused."""
        self._is_up = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepter.join(5)
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._flows.set()

    def _accept(self) -> None:
        while self._is_up:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        sent = bytearray()
        self.sent.append(sent)
        with client, contextlib.suppress(OSError), socket.create_connection(self.target) as host:
            self._open |= {client, host}
            try:
                self._pump(client, host, sent)
            finally:
                self._open -= {client, host}

    def _pump(self, client: socket.socket, host: socket.socket, sent: bytearray) -> None:
        while self._is_up:
            readable, _, _ = select.select([client, host], [], [], LOOK_S)
            self._flows.wait()
            for line in readable:
                data = line.recv(CHUNK_BYTES)
                if not data:
                    return
                if line is client:
                    sent += data
                (host if line is client else client).sendall(data)


@contextlib.contextmanager
def wired(port: int, target: tuple[str, int]) -> Iterator[Wire]:
    """A line from 127.0.0.1 `port` to `target` inside the block."""
    wire = Wire(port, target)
    try:
        yield wire
    finally:
        wire.cut()
