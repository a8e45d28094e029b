"""`python -m demo`, which is what `make demo` runs.

`CONTERA_PORT` (default 8000) and `CONTERA_DATA` (default ./var) move it, so that two of them can
run side by side.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from demo.folder import DemoError, DemoFolder
from demo.supervisor import Supervisor
from demo.terminal import Terminal
from demo.versions import ROOT


def port() -> int:
    text = os.environ.get("CONTERA_PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise DemoError(f"CONTERA_PORT={text}: expected a port number, 1 to 65535")
    return int(text)


def folder() -> DemoFolder:
    return DemoFolder(Path(os.environ.get("CONTERA_DATA") or ROOT / "var").resolve())


async def run(supervisor: Supervisor) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP."""
    task = asyncio.create_task(supervisor.run())
    stopping = False

    def stop() -> None:
        # Cancelled once: a second Ctrl-C must not break off the stopping.
        nonlocal stopping
        if not stopping:
            stopping = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        supervisor.terminal.say("Everything has stopped.")


def main() -> None:
    os.umask(0o077)
    terminal = Terminal()
    try:
        used = folder()
        with used.taken():
            asyncio.run(run(Supervisor(used, port(), terminal)))
    except DemoError as error:
        terminal.fail(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
