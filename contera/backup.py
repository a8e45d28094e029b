"""Everything that another machine needs to be this portal: the database, and the keys.

Without the keys a copy of the database is of little use: recorders would have to be registered
again, and its secrets stay closed. A backup is therefore as confidential as the portal itself.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

KEEP = 24  # with one each 5 minutes: 2 hours, which go back behind a mistake that is noticed
DUMP_S = 1800
_NAME = "contera-%Y%m%dT%H%M%S%fZ"
_UNFINISHED = ".unfinished"


class BackupFailed(Exception):
    """In words; what was begun is gone."""


def back_up(folder: Path, now: datetime) -> Path:
    """A new folder there, whole or not at all; the oldest beyond KEEP go. Raises BackupFailed."""
    made = folder / now.astimezone(UTC).strftime(_NAME)
    begun = made.with_name(made.name + _UNFINISHED)
    try:
        begun.mkdir(mode=0o700, parents=True)
        _copy_database(begun)
        _copy_keys(begun / "keys")
        os.sync()
        begun.rename(made)
    except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
        shutil.rmtree(begun, ignore_errors=True)
        raise BackupFailed(f"{folder}: {_words(error)}") from None
    for old in [*_backups(folder)[:-KEEP], *_broken_off(folder, now)]:
        shutil.rmtree(old)
    return made


def _backups(folder: Path) -> list[Path]:
    """Whole ones, the oldest first: their names are their times."""
    return sorted(p for p in folder.glob("contera-*Z") if p.is_dir())


def _broken_off(folder: Path, now: datetime) -> list[Path]:
    """By a crash, long ago: nobody writes them any more."""
    begun = folder.glob(f"contera-*Z{_UNFINISHED}")
    return [p for p in begun if now.timestamp() - p.stat().st_mtime > DUMP_S]


def _copy_database(folder: Path) -> None:
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        _copy_sqlite(Path(facts["NAME"]), folder / "contera.sqlite3")
        return
    # By environment, not by arguments: those stand in the list of processes.
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    given = {name: str(facts[fact]) for name, fact in names.items() if facts[fact]}
    options = {"PGDATABASE": str(facts["NAME"]), "PGSSLMODE": facts["OPTIONS"].get("sslmode", "")}
    environ = {**os.environ, **given, **{name: text for name, text in options.items() if text}}
    command = ["pg_dump", "--format=custom", "--no-owner", f"--file={folder / 'contera.dump'}"]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=DUMP_S)


def _copy_sqlite(source: Path, target: Path) -> None:
    """In one read transaction: what others write meanwhile is not in it, and nobody waits."""
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as database,
        closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy)
    target.chmod(0o600)


def _copy_keys(folder: Path) -> None:
    """By the names that `CONTERA_DATA/keys` has, wherever this installation keeps them."""
    folder.mkdir(mode=0o700)
    named = {
        "portal.pem": settings.CONTERA_SIGNING_KEY_FILE,
        "secrets": settings.CONTERA_SECRETS_KEY_FILE,
        "secret": settings.CONTERA_DATA / "keys" / "secret",
    }
    for name, path in named.items():
        if path.exists():  # CONTERA_SECRET_KEY may be given; a key may not be in use yet
            shutil.copy(path, folder / name)
            (folder / name).chmod(0o600)


def _words(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"pg_dump ended with {error.returncode}"
    if isinstance(error, FileNotFoundError) and error.filename == "pg_dump":
        return "pg_dump is not installed here (the package postgresql-client)"
    return str(error)
