"""Where video goes: a file, standard output, or a player that reads standard input."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from contera_cli.errors import CommandFailed

STOPPING_S = 5.0


@contextmanager
def opened(file: str, player: str) -> Iterator[IO[bytes]]:
    """`-` is standard output. A file that is there already is not written over."""
    if player:
        with _playing(player) as pipe:
            yield pipe
    elif file == "-":
        yield sys.stdout.buffer
    else:
        try:
            with Path(file).open("xb") as output:
                yield output
        except OSError as error:
            raise CommandFailed(f"{file}: {error.strerror}") from None


def write_all(
    pieces: Iterable[bytes],
    output: IO[bytes],
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """The number of bytes written, until the pieces end, the reader goes away, or the time is
    over."""
    began, written = clock(), 0
    try:
        for piece in pieces:
            written += output.write(piece)
            if seconds is not None and clock() - began >= seconds:
                break
        output.flush()
    except BrokenPipeError:  # the player was closed
        pass
    return written


@contextmanager
def _playing(command: str) -> Iterator[IO[bytes]]:
    try:
        process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, bufsize=0)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{command}: {error}") from None
    pipe = process.stdin
    if pipe is None:
        raise CommandFailed(f"{command}: no pipe")
    try:
        yield pipe
    finally:
        with suppress(BrokenPipeError):
            pipe.close()
        try:
            process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(STOPPING_S)
