"""An end to what one waits for over HTTP, however it comes."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import urllib3


class Patience:
    """Breaks the connections of watched pools off when the time is over: who sends a byte now and
    then, in the handshake, the head or the body, never runs into the time-out of a read.

    A body without a length ends then as if it were whole: look at `is_over`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._twins: list[socket.socket] = []
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._wait, name="patience", daemon=True)
        self.renew()

    def watch(self, pool: urllib3.HTTPConnectionPool) -> None:
        keep = self._keep

        class Connection(pool.ConnectionCls):  # type: ignore[misc,name-defined]  # of http or https
            def _new_conn(self) -> socket.socket:
                made: socket.socket = super()._new_conn()
                keep(made.dup())  # TLS takes the socket itself over
                return made

        pool.ConnectionCls = Connection

    def renew(self) -> None:
        """As much time again."""
        self._ends_at = time.monotonic() + self._seconds

    @property
    def left_s(self) -> float:
        return self._ends_at - time.monotonic()

    @property
    def is_over(self) -> bool:
        return self.left_s <= 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_done.set()
        self._thread.join()
        for twin in self._twins:
            twin.close()

    def _keep(self, twin: socket.socket) -> None:
        self._twins.append(twin)
        if self.is_over:
            _break_off(twin)

    def _wait(self) -> None:
        while not self.is_over:
            if self._is_done.wait(self.left_s):
                return
        for twin in self._twins:
            _break_off(twin)


def _break_off(twin: socket.socket) -> None:
    with suppress(OSError):
        twin.shutdown(socket.SHUT_RDWR)
