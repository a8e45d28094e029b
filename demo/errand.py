"""A program that ends by itself: run it, hand on what it prints, leave nothing of it behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping

from demo.orphans import end_with
from demo.versions import ROOT

LAST_LINES = 10
Show = Callable[[str], None]


class ErrandError(Exception):
    """The program failed: its exit status, and the end of what it said."""

    def __init__(self, status: int, last_lines: list[str]) -> None:
        super().__init__(f"status {status}")
        self.status, self.last_lines = status, last_lines


async def run_errand(
    command: list[str], env: Mapping[str, str], text: str = "", show: Show | None = None
) -> str:
    """Run a program with `text` as its input and return what it printed; `show` gets each line.

    Raises ErrandError. When cancelled, the program and all that it started are ended.
    """
    starter = os.getpid()
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: end_with(starter),
    )
    try:
        output, errors = await _communicate(process, text, show)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself, as it should
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise ErrandError(process.returncode, errors.splitlines()[-LAST_LINES:])
    return output


async def _communicate(
    process: asyncio.subprocess.Process, text: str, show: Show | None
) -> tuple[str, str]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("the program was started without pipes")
    process.stdin.write(text.encode())
    process.stdin.close()
    errors = asyncio.create_task(process.stderr.read())
    lines = []
    async for line in process.stdout:
        lines.append(line.decode(errors="replace"))
        if show is not None:
            show(lines[-1])
    said = (await errors).decode(errors="replace")
    await process.wait()
    return "".join(lines), said
