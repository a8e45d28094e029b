"""D2: a backup that is made while people work is the same portal on another folder."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contera import backup
from contera.tasks import make_backup
from tests.outages.busy import busy
from tests.outages.installation import Browser, Installation, installation
from tests.outages.restored import is_as_before

CONTENT = {"contera.sqlite3", "keys", "portal.pem", "secrets", "secret"}
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_a_backup_under_load_is_the_same_portal_elsewhere(tmp_path):
    """Everything that was answered before it began is there; nobody has to do anything. With a
    recorder, and with PostgreSQL: tests/outages/test_outages.py."""
    portal = installation(tmp_path / "portal")
    portal.set_up()
    with portal.portal():
        person = Browser(portal)
        assert person.sign_in().status == 302
        assert portal.ask("/.well-known/jwks.json").status == 200  # its key is made at first use
        with busy(portal) as written:
            before = list(written)
            made = Path(portal.manage("backup", str(tmp_path / "backups")).strip())
            assert len(written) > len(before)
    assert {path.name for path in made.rglob("*")} == CONTENT
    assert not any(path.stat().st_mode & 0o077 for path in [made, *made.rglob("*")])
    moved = Installation(tmp_path / "elsewhere", portal.port, portal.environment, portal.key)
    shutil.copytree(made, moved.folder)
    shutil.copytree(portal.folder / "static", moved.folder / "static")
    with moved.portal():
        is_as_before(moved, Browser(moved, person.cookies), before)


def test_the_oldest_go_and_what_was_broken_off_goes(monkeypatch, tmp_path):
    monkeypatch.setattr(backup, "_copy_database", lambda folder: None)
    monkeypatch.setattr(backup, "_copy_keys", lambda folder: None)
    (tmp_path / "contera-20200101T000000000000Z.unfinished").mkdir()
    later = datetime.now(UTC) + timedelta(days=1)
    for minute in range(backup.KEEP + 3):
        newest = backup.back_up(tmp_path, later + timedelta(minutes=minute))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert (len(left), left[-1]) == (backup.KEEP, newest.name)


def test_one_that_fails_leaves_nothing_and_says_why(monkeypatch, tmp_path):
    def full(folder):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(backup, "_copy_database", full)
    with pytest.raises(backup.BackupFailed, match="disk is full"):
        backup.back_up(tmp_path, NOW)
    assert not list(tmp_path.iterdir())


def test_the_worker_makes_one_and_says_when_it_cannot(
    private_redis, db, tmp_path, settings, caplog, monkeypatch
):
    # The database of the tests is in memory; a file's is copied by the test above.
    monkeypatch.setattr(backup, "_copy_database", lambda folder: None)
    settings.CONTERA_BACKUP_FOLDER = str(tmp_path / "backups")
    make_backup()
    assert len(list((tmp_path / "backups").iterdir())) == 1
    (tmp_path / "file").touch()
    settings.CONTERA_BACKUP_FOLDER = str(tmp_path / "file")
    make_backup()
    assert "no backup" in caplog.text
