"""The command-line client against the real portal: sign in, list, watch, play back, export (G1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Demo


@pytest.fixture
def cli(demo: Demo, tmp_path: Path):
    """Runs a command as the administrator, who signed in with the password."""

    def run(*arguments: str, stdin: str = "", is_fine: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, "-m", "contera_cli", *arguments],
            input=stdin.encode(),
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
            timeout=90,
            check=False,
        )
        assert (done.returncode == 0) is is_fine, done.stderr.decode()
        return done

    admin = demo.account("admin")
    run("login", demo.url, "--email", admin.email, stdin=admin.password + "\n")
    return run


def seconds_of(file: Path) -> float:
    command = ["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-of", "json"]
    command += ["-show_entries", "stream=nb_read_packets,avg_frame_rate", str(file)]
    found = subprocess.run(command, capture_output=True, check=True)
    stream = json.loads(found.stdout)["streams"][0]
    rate, _, by = stream["avg_frame_rate"].partition("/")
    return int(stream["nb_read_packets"]) * int(by) / int(rate)


def test_it_lists_watches_plays_back_and_exports(cli, demo: Demo, tmp_path: Path) -> None:
    demo.until_recorded(14.0)
    camera = demo.cameras[0]
    recorder = demo.facts["recorders"][0]
    rows = json.loads(cli("cameras", "--json").stdout)
    assert camera["id"] in [row["id"] for row in rows]
    assert f"online\t{recorder['name']}" in cli("recorders").stdout.decode()

    live = tmp_path / "live.mp4"
    cli("watch", camera["id"], "--profile", "sd", "--seconds", "3", "-o", str(live))
    assert 2 < seconds_of(live) < 7

    now = datetime.now(UTC)
    since = (now - timedelta(seconds=12)).isoformat()
    recorded = tmp_path / "recorded.mp4"
    name = f"{recorder['name']}/{camera['number']}"
    cli("playback", name, "--from", since, "--seconds", "8", "-o", str(recorded))
    assert 7 < seconds_of(recorded) < 13

    cli("snapshot", camera["id"], "--width", "320", "-o", str(tmp_path / "still.jpg"))
    assert (tmp_path / "still.jpg").read_bytes()[:2] == b"\xff\xd8"

    folder = tmp_path / "export"
    arguments = ["--title", "Van", "--from", since, "--seconds", "6", "-o", str(folder)]
    cli("export", camera["id"], *arguments)
    assert {file.suffix for file in folder.iterdir()} == {".mp4", ".json", ".jws"}


def test_what_it_may_not_do_is_said(cli, demo: Demo, tmp_path: Path) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    refused = cli("watch", nobody, is_fine=False)
    assert f"There is no camera {nobody}" in refused.stderr.decode()
    long_ago = cli(
        "playback", demo.cameras[0]["id"], "--from", "2001-01-01T00:00:00Z", "--seconds", "5",
        "-o", str(tmp_path / "none.mp4"), is_fine=False,
    )  # fmt: skip
    assert "recorded nothing" in long_ago.stderr.decode()
    cli("logout")
    assert "Sign in first" in cli("recorders", is_fine=False).stderr.decode()
