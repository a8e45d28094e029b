"""J1: a worker dies by SIGKILL at marked points; the next one ends with one mail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.services.smtp import smtp_running

POINTS = {
    "woken, not claimed": 1,
    "claimed, not checked": 1,
    "claimed, not written": 1,
    "written, not sent": 1,
    # SMTP cannot be asked whether it took a mail: sent again, under the same Message-ID.
    "sent, not noted": 2,
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All points in one program, because starting Django takes longer than a mail."""
    with smtp_running() as server:
        results: dict[str, Any] = json.loads(_run(tmp_path_factory.mktemp("killed"), server.url))
        deliveries = Counter(str(message["Message-ID"]) for message in server.messages)
    for result in results.values():
        result["ids"] = [key for key in deliveries if result["id"] in key]
        result["deliveries"] = sum(deliveries[key] for key in result["ids"])
    return results


def _run(data: Path, email_url: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "DJANGO_SETTINGS_MODULE": "contera.settings",
        "CONTERA_DATA": str(data),
        "EMAIL_URL": email_url,
        "CONTERA_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "tests.recorders.dying_mailer"]
    return subprocess.run(
        command, env=environment, text=True, stdout=subprocess.PIPE, check=True, timeout=50
    ).stdout


@pytest.mark.parametrize("point", POINTS)
def test_the_next_worker_sends_the_mail(found: dict[str, Any], point: str) -> None:
    result = found[point]
    assert (result["ended_by"], result["was_due"]) == (signal.SIGKILL, True)
    assert result["state"] == "sent"
    assert len(result["ids"]) == 1
    assert result["deliveries"] == POINTS[point]
