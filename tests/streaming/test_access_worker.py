"""The whole chain of a withdrawn right once: portal, broker, a real worker, relay, recorder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from accounts.signing import portal_signer
from contera import embedded_redis
from protocol.tokens import AccessToken, sign_access_token
from tests.recorders.test_worker import _worker
from tests.streaming.real_site import running_site
from tests.streaming.test_access_changes import Watcher

PORTAL = """
import sys
import django; django.setup()
from django.core.management import call_command
from django.utils import timezone
from accounts.audit import PORTAL
from accounts.services import disable_person
from recorders.models import Recorder
from streaming.viewing import note_viewing
from tests.conftest import _join, _organisation, _reordered, make_recorder
call_command("migrate", verbosity=0)
owner = _join(*_reordered(_organisation("Harbour"), "owner@harbour.test"))
organisation = owner.memberships.get().organisation
second = _join(organisation, "second@harbour.test")
recorder = make_recorder(organisation, "Gate")
print(recorder.pk, second.pk, flush=True)
sys.stdin.readline()
Recorder.objects.update(capabilities=["relay", "lan"], last_seen_at=timezone.now())
note_viewing(second.pk, recorder.pk)
disable_person(second.memberships.get(), PORTAL)
"""


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.usefixtures("private_redis")
def test_who_is_disabled_stops_watching_directly(tmp_path: Path) -> None:
    """A6: by the recorder's own door, long before the token ends."""
    portal_signer()  # the key is there for the others
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "DJANGO_SETTINGS_MODULE": "contera.settings",
        "CONTERA_DATA": str(tmp_path),
        "CONTERA_SIGNING_KEY_FILE": str(settings.CONTERA_SIGNING_KEY_FILE),
    }
    portal = [sys.executable, "-c", PORTAL]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        embedded_redis.running(tmp_path / "run" / "valkey.sock"),
        subprocess.Popen(portal, env=environment, **pipes) as asking,
    ):
        recorder_id, user_id = asking.stdout.readline().split()
        with running_site(recorder_id) as site:
            environment["CONTERA_RELAY_URLS"] = site.relay.url
            with _worker(environment):
                watcher = Watcher(site, _token(recorder_id, user_id))
                asking.stdin.write("\n")
                asking.stdin.flush()
                code = watcher.watching.result(45)  # a worker takes a while to start
    assert code == 4401
    assert watcher.notices == ["renewal_required"]


def _token(recorder_id: str, user_id: str) -> str:
    access = AccessToken("s", user_id, "organisation", recorder_id, 0)
    return sign_access_token(portal_signer(), access, int(time.time()))
