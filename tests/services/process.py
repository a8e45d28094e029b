"""Real programs that tests start: on free ports, in a temporary folder, ended by their number."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from demo.orphans import end_with

START_S = 30.0
STOP_S = 5.0


class ServiceError(Exception):
    """A program that a test needs does not run; the text has the end of its log."""


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def listens(port: int) -> bool:
    """Whether somebody answers on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(
    command: Sequence[str],
    log: Path,
    is_ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    *,
    start_s: float = START_S,
    stop_s: float = STOP_S,
    stop_signal: signal.Signals = signal.SIGTERM,
    user: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The program runs and is ready inside the block; as `user` (a number) where one is given.

    Raises ServiceError.
    """
    tests = os.getpid()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: end_with(tests),  # noqa: PLW1509  # it only calls prctl
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    try:
        _wait(process, is_ready, log, start_s)
        yield process
    finally:
        _end(process, stop_signal, stop_s)


def _wait(
    process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path, start_s: float
) -> None:
    deadline = time.monotonic() + start_s
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-1500:]
            raise ServiceError(f"{process.args!r} did not get ready:\n{tail}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes], stop_signal: signal.Signals, stop_s: float) -> None:
    if process.poll() is None:
        process.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(stop_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
