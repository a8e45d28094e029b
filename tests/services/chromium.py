"""Chromium as Debian installs it."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest


def launch_options() -> dict[str, Any]:  # Any: playwright's own shape
    """What to start the browser with. Raises FileNotFoundError when there is none."""
    program = shutil.which("chromium")
    if program is None:
        raise FileNotFoundError("chromium is not installed; `make test-tools` does it")
    # Chromium's sandbox needs a user of its own: root has to do without.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {"executable_path": program, "args": arguments, "headless": True}


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """pytest-playwright starts this browser instead of one that it would download."""
    return launch_options()
