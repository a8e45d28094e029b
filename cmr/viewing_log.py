"""The recorder's log of viewings, on disk until the portal has them (K3). Blocks: call in a thread.

Numbers begin at the Unix time in milliseconds, so that a log that was lost is never followed by one
whose numbers the portal has seen already.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from protocol import private_file
from protocol.errors import ProtocolError
from protocol.viewings import Viewing, as_json, parse_viewing

FILE_NAME = "viewings.sqlite3"
MAX_KEPT = 100_000  # some 30 MB: what 16 people looking all day make in a year and a half
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ended (
    number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL,
    lost_before INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS running (owner TEXT NOT NULL, body TEXT NOT NULL);
"""


class ViewingLog:
    """`owner` is the recorder's id at its portal, or "" before it has one. What belongs to an
    earlier registration is nobody's business at the next: it is never told."""

    def __init__(self, folder: Path, max_kept: int = MAX_KEPT) -> None:
        self._file = folder / FILE_NAME
        self._max_kept = max_kept

    def recover(self) -> None:
        """After a start: viewings that the last run left open were over then."""
        private_file.create_once(self._file, b"")
        with self._write() as database:
            database.executescript(_SCHEMA)
            self._seed(database)
            left = database.execute("SELECT owner, body FROM running ORDER BY rowid").fetchall()
            self._append(database, left)
            database.execute("DELETE FROM running")

    def keep(self, owner: str, over: Sequence[Viewing], is_open: Sequence[Viewing]) -> None:
        """Appends those that are over; those that are open replace the ones known before."""
        with self._write() as database:
            self._append(database, [(owner, _text(viewing)) for viewing in over])
            database.execute("DELETE FROM running")
            database.executemany(
                "INSERT INTO running VALUES (?, ?)",
                [(owner, _text(viewing)) for viewing in is_open],
            )

    def untold(self, owner: str, limit: int) -> list[Viewing]:
        """The oldest viewings that the portal has not got."""
        query = (
            "SELECT number, lost_before, body FROM ended WHERE owner IN (?, '') "
            "ORDER BY number LIMIT ?"
        )
        with closing(self._connect()) as database:
            rows = database.execute(query, (owner, limit)).fetchall()
        return [viewing for row in rows if (viewing := _viewing(*row)) is not None]

    def forget(self, up_to: int) -> None:
        """The portal has all up to this number; others' are never told."""
        with self._write() as database:
            database.execute("DELETE FROM ended WHERE number <= ?", (up_to,))

    def _append(self, database: sqlite3.Connection, rows: Sequence[tuple[str, str]]) -> None:
        database.executemany("INSERT INTO ended (owner, body) VALUES (?, ?)", rows)
        (kept,) = database.execute("SELECT count(*) FROM ended").fetchone()
        if kept > self._max_kept:
            self._drop_oldest(database, kept - self._max_kept)

    def _drop_oldest(self, database: sqlite3.Connection, count: int) -> None:
        """The next one says how many went, so that the portal knows."""
        oldest = "SELECT number, lost_before FROM ended ORDER BY number LIMIT ?"
        rows = database.execute(oldest, (count,)).fetchall()
        lost = len(rows) + sum(lost_before for _, lost_before in rows)
        database.execute("DELETE FROM ended WHERE number <= ?", (rows[-1][0],))
        database.execute(
            "UPDATE ended SET lost_before = lost_before + ? "
            "WHERE number = (SELECT min(number) FROM ended)",
            (lost,),
        )

    def _seed(self, database: sqlite3.Connection) -> None:
        if (
            database.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'ended'").fetchone()
            is None
        ):
            first = int(time.time() * 1000)
            database.execute("INSERT INTO sqlite_sequence VALUES ('ended', ?)", (first,))

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._file, timeout=5.0, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        return database

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
            if database.in_transaction:  # executescript commits by itself
                database.execute("COMMIT")


def _text(viewing: Viewing) -> str:
    return json.dumps(as_json(viewing), separators=(",", ":"))


def _viewing(number: int, lost_before: int, body: str) -> Viewing | None:
    """None for a row that this version cannot read: it must not keep the others back."""
    try:
        found: Any = json.loads(body)
        return parse_viewing(found).numbered(number, lost_before)
    except (ValueError, ProtocolError):
        return None
