"""Programs that end by themselves, and what is left of them when they do not."""

import asyncio
import os
import sys

import pytest

from demo.errand import ErrandError, run_errand
from tests.demo.test_program import is_alive, until


async def run(code: str, **more) -> str:
    return await run_errand([sys.executable, "-c", code], dict(os.environ), **more)


async def test_it_returns_what_a_program_prints_and_shows_each_line() -> None:
    seen = []
    said = await run("print(input()); print('two')", text="one\n", show=seen.append)
    assert said == "one\ntwo\n"
    assert seen == ["one\n", "two\n"]


async def test_a_failure_carries_the_status_and_the_last_words() -> None:
    with pytest.raises(ErrandError) as failed:
        await run("import sys; print('\\n' * 50 + 'no space', file=sys.stderr); sys.exit(4)")
    assert failed.value.status == 4
    assert failed.value.last_lines[-1] == "no space"


async def test_cancelling_ends_the_program_with_all_that_it_started() -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    seen: list[str] = []
    errand = asyncio.create_task(run(code, show=seen.append))
    await until(lambda: seen)
    errand.cancel()
    with pytest.raises(asyncio.CancelledError):
        await errand
    await until(lambda: not is_alive(int(seen[0])))
