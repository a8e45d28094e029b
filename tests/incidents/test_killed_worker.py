"""J1: a worker dies by SIGKILL at marked points; the next one ends with one object and one mail."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.tokens import KeyRing, public_jwk
from tests.incidents.scripted_relay import Clip, scripted_relay

POINTS = [
    "after the claim",
    "before the first piece",
    "between two pieces",
    "piece on disk, row not",
    "in the middle of a piece",
    "fetched, not hashed",
    "hashed, not stored",
    "in the middle of storing",
    "stored, row not",
    "stored, not verified",
    "one camera done",
    "before the manifest",
    "between manifest and signature",
    "sealed, not done",
    "done, not announced",
    "before the mail is claimed",
    "mail handed over",
]
pytestmark = pytest.mark.timeout(180)
VIDEOS = [os.urandom(450_000), os.urandom(150_000)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """All points in one program, because starting Django takes longer than an export."""
    data = tmp_path_factory.mktemp("killed")
    with scripted_relay() as relay, start(data, relay.url) as program:
        try:
            recorder = said(program.stdout.readline())["recorder"]
            relay.keys = KeyRing({"keys": [public_key(data)]})
            for number, video in enumerate(VIDEOS, 1):
                relay.clips[recorder, number] = Clip(video)
            yield said(program.communicate("go\n", timeout=150)[0])
        finally:
            program.kill()


def said(output: str) -> dict:
    """What the program says; its Valkey talks on the same channel."""
    return json.loads(next(line for line in output.splitlines() if line.startswith("{")))


def start(data: Path, relay_url: str) -> subprocess.Popen:
    from accounts.signing import _create

    _create(data / "portal.pem")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "DJANGO_SETTINGS_MODULE": "contera.settings",
        "CONTERA_DATA": str(data),
        "CONTERA_SIGNING_KEY_FILE": str(data / "portal.pem"),
        "CONTERA_RELAY_URLS": relay_url,
        "CONTERA_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "tests.incidents.dying_worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def public_key(data: Path) -> dict[str, str]:
    from accounts.signing import _load_or_create

    return public_jwk(_load_or_create(data / "portal.pem").public_key())


@pytest.mark.parametrize("point", POINTS)
def test_the_next_worker_ends_with_one_object_and_one_mail(results, point) -> None:
    found = results[point]
    hashes = sorted(hashlib.sha256(video).hexdigest() for video in VIDEOS)
    assert found["died"] == -9
    assert (found["state"], found["error"], found["files"]) == ("done", "", 4)
    assert found["hashes"] == found["rows"] == hashes
    assert found["mails"] == 1


def test_every_marked_point_was_tried(results) -> None:
    assert list(results) == POINTS
