"""The whole chain once: a mail asked for, a message in the broker, a real worker, a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contera import embedded_redis
from tests.services.smtp import MailServer

ASK = """
import django; django.setup()
from django.core.management import call_command
from django.utils import timezone
from accounts.audit import PORTAL
from recorders.services.whitelist_mails import request_mail
from tests.conftest import _join, _organisation, _reordered, make_recorder
call_command("migrate", verbosity=0)
owner = _join(*_reordered(_organisation("Harbour"), "owner@harbour.test"))
recorder = make_recorder(owner.memberships.get().organisation, "Gate")
request_mail(recorder, owner, "it@harbour.test", "", PORTAL, timezone.now())
"""


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_worker_sends_what_was_asked_for(tmp_path: Path, smtp: MailServer) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "DJANGO_SETTINGS_MODULE": "contera.settings",
        "CONTERA_DATA": str(tmp_path),
        "EMAIL_URL": smtp.url,
    }
    # The worker starts while the portal's side does.
    with embedded_redis.running(tmp_path / "run" / "valkey.sock"), _worker(environment):
        subprocess.run([sys.executable, "-c", ASK], env=environment, check=True, timeout=60)
        (mail,) = smtp.wait_for(1)
    assert mail["To"] == "it@harbour.test"


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "contera", "worker", "--pool", "solo"]
    worker = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], env=environment)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(timeout=20)
