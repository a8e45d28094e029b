"""Pages and API lists of a portal with 1,000 recorders, 16,000 cameras, 5,000 people, 200 groups.

On PostgreSQL. Server time: everything from the request in Django's test client to the rendered
answer. Beside it, the list of cameras that a person may watch by django-guardian, which keeps a row
for each group, camera and right; both people reach equally many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.services.postgres import postgres_running

ROOT = Path(__file__).resolve().parent.parent
GOAL_MS = 100.0
ID_LENGTH = 36


def run() -> dict[str, object]:
    with postgres_running() as url:
        ours = _ours(url)
        guardian = _guardian(url, ours["reach"])
    rows = sorted(ours["rows"], key=lambda row: -row["p95_ms"])
    return {
        "rows": [_plain(row) for row in rows],
        "below_100_ms": f"{sum(row['p95_ms'] < GOAL_MS for row in rows)} of {len(rows)}",
        "cameras_of_a_person": ours["reach"],
        "list_of_200": ours["list"],
        "guardian_list_of_200": guardian,
        "ratio_p50": round(guardian["p50_ms"] / ours["list"]["p50_ms"], 2),
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Ids say nothing to a reader."""
    words = [("…" if len(part) == ID_LENGTH else part) for part in row["address"].split("/")]
    kept = {name: row[name] for name in ("person", "queries", "p50_ms", "p95_ms")}
    return {"address": "/".join(words), **kept}


def _ours(url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as data:
        found = _program(["bench.portal_pages"], {"DATABASE_URL": url, "CONTERA_DATA": data})
    wrong = [row for row in found["rows"] if row["status"] != HTTPStatus.OK]
    if wrong:
        raise RuntimeError(f"not answered: {wrong}")
    return found


def _guardian(url: str, reach: int) -> dict[str, Any]:
    """In a database of its own on the same server."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE guardian")
    other = urlsplit(url)._replace(path="/guardian").geturl()
    return _program(["bench.object_permissions", other, str(reach)], {})


def _program(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """What the program wrote into the file that it is given last."""
    with tempfile.NamedTemporaryFile() as answer:
        subprocess.run(
            [sys.executable, "-m", *arguments, answer.name],
            env=os.environ | {"CONTERA_LOG_LEVEL": "ERROR"} | environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        found: dict[str, Any] = json.loads(Path(answer.name).read_text())
    return found
