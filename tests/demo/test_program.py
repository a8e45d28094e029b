"""Programs under supervision are told of, restarted, and never left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo import program as demo_program
from demo.program import Program, ending


class Told:
    """What a person would read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str = "") -> None:
        self.lines.append(text)

    def quote(self, lines: list[str]) -> None:
        self.lines += [f"| {line}" for line in lines]


def make(tmp_path: Path, code: str) -> Program:
    command = [sys.executable, "-c", code]
    return Program("it", "The program", command, dict(os.environ), tmp_path / "log/it.log")


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


async def until(check, deadline_s: float = 10) -> None:
    async with asyncio.timeout(deadline_s):
        while not check():
            await asyncio.sleep(0.02)


async def test_a_program_that_dies_is_reported_with_its_last_words_and_comes_back(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(demo_program, "BACK_OFF_S", (0.05,))
    monkeypatch.setattr(demo_program, "STEADY_S", 0.2)
    once = (
        "import os, sys, time\n"
        f"if os.path.exists({str(tmp_path / 'died')!r}): time.sleep(60)\n"
        f"open({str(tmp_path / 'died')!r}, 'w')\n"
        "sys.exit('the disk is full')"
    )
    program, told, starts = make(tmp_path, once), Told(), []
    await program.start()
    keeper = asyncio.create_task(program.keep(told, lambda: starts.append(program.pid)))
    await until(lambda: "The program is back." in told.lines)
    assert told.lines[:2] == [
        "The program ended with status 1. Starting it again in 0.05 s.",
        "| the disk is full",
    ]
    assert starts == [program.pid]
    keeper.cancel()
    await program.stop()
    assert not program.is_running


async def test_the_pause_grows_while_a_program_keeps_dying(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(demo_program, "BACK_OFF_S", (0.0, 0.01, 0.02))
    program, told = make(tmp_path, "raise SystemExit(3)"), Told()
    await program.start()
    keeper = asyncio.create_task(program.keep(told, lambda: None))
    await until(lambda: len(told.lines) >= 4)
    keeper.cancel()
    await program.stop()
    pauses = [line.rsplit(" ", 2)[1] for line in told.lines[:4]]
    assert pauses == ["0.01", "0.02", "0.02", "0.02"]


async def test_stopping_ends_the_whole_group_even_what_ignores_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(demo_program, "STOP_S", 0.3)
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    program = make(tmp_path, stubborn)
    await program.start()
    await until(program.last_lines)
    child = int(program.last_lines()[0])
    await program.stop()
    await until(lambda: not is_alive(child))
    assert not program.is_running


def test_programs_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    supervisor = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from demo.program import Program\n"
        "async def main():\n"
        "    command = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "    program = Program('it', 'It', command, dict(os.environ), Path(sys.argv[1]))\n"
        "    await program.start()\n"
        "    print(program.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", supervisor, str(tmp_path / "it.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        assert is_alive(pid)
        process.kill()
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    survived = is_alive(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    assert not survived


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "ended with status 0"), (2, "ended with status 2"), (-9, "was ended by SIGKILL")],
)
def test_an_ending_is_told_in_words(status: int, words: str) -> None:
    assert ending(status) == words


async def test_a_long_log_is_put_aside_at_the_start(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(demo_program, "MAX_LOG_BYTES", 10)
    program = make(tmp_path, "")
    program.log.parent.mkdir()
    program.log.write_text("x" * 11)
    await program.start()
    await program.stop()
    assert program.log.with_suffix(".log.1").read_text() == "x" * 11
