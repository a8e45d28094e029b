"""One program under supervision: started, watched, restarted with back-off, stopped for good."""

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, Protocol

from demo.orphans import end_with

STOP_S = 12.0  # uvicorn lets answers under way end for 8 s
STEADY_S = 4.0  # a program that lives this long after a restart is said to be back
MAX_LOG_BYTES = 5_000_000
LAST_LINES = 6
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
FORGIVEN_AFTER_S = 60.0


class Teller(Protocol):
    """Whoever passes on to the person what happened."""

    def say(self, text: str = "") -> None: ...
    def quote(self, lines: list[str]) -> None: ...


class Program:
    """A command with its log file. `name` is its key in demo.json, `title` how people call it."""

    def __init__(
        self, name: str, title: str, command: list[str], env: Mapping[str, str], log: Path
    ) -> None:
        self.name, self.title, self.command, self.env, self.log = name, title, command, env, log
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.is_running and self.process else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        self.log.parent.mkdir(exist_ok=True, mode=0o700)
        _keep_small(self.log)
        supervisor = os.getpid()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env=self.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C reaches us alone, a signal to the group all of it.
                start_new_session=True,
                preexec_fn=lambda: end_with(supervisor),
            )

    async def keep(self, teller: Teller, changed: Callable[[], None]) -> NoReturn:
        """Start it again whenever it ends; `changed` is called after each start."""
        failures = 0
        while True:
            started = time.monotonic()
            status = await self._ended()
            self._sweep()
            failures = 0 if time.monotonic() - started > FORGIVEN_AFTER_S else failures + 1
            pause = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
            teller.say(f"{self.title} {ending(status)}. Starting it again in {pause:g} s.")
            teller.quote(self.last_lines())
            await asyncio.sleep(pause)
            await self.start()
            changed()
            if await self._is_steady():
                teller.say(f"{self.title} is back.")

    async def _ended(self) -> int:
        if self.process is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self.process.wait()

    async def _is_steady(self) -> bool:
        try:
            await asyncio.wait_for(self._ended(), STEADY_S)
        except TimeoutError:
            return True
        return False

    def last_lines(self) -> list[str]:
        """The end of its log."""
        try:
            with self.log.open(errors="replace") as log:
                return [line.rstrip() for line in deque(log, LAST_LINES)]
        except FileNotFoundError:
            return []

    async def stop(self) -> None:
        """Ask it to end, and end whatever is left of its process group."""
        if self.process is None:
            return
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):  # what comes then does not ask
                await asyncio.wait_for(self.process.wait(), STOP_S)
        self._sweep()
        await self.process.wait()

    def _sweep(self) -> None:
        """End what it started itself and left behind."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):  # nobody is left
                os.killpg(self.process.pid, signal.SIGKILL)


def ending(status: int) -> str:
    """How a program ended, in words."""
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"


def _keep_small(log: Path) -> None:
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.rename(log.with_suffix(".log.1"))
