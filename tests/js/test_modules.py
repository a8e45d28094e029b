"""Runs the tests of the browser's modules (`*.test.mjs`) with Node's own test runner."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def node() -> str:
    """The system's Node, or the one that pip installed beside this Python."""
    program = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    assert program, "node is missing; `make venv` installs it"
    return program


def test_the_modules_of_the_browser() -> None:
    files = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    done = subprocess.run(
        [node(), "--test", *files], check=False, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stdout + done.stderr
