"""D1: the real program in service: what it refuses to start with, and what its answers carry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = {"CONTERA_BASE_URL": "https://portal.example"}


def manage(folder: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CONTERA_")}
    env = {**clean, **DEPLOYED, "CONTERA_DATA": str(folder), **settings}
    program = [sys.executable, "manage.py", *command]
    return subprocess.run(
        program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=False
    )


def test_deployment_checks_find_nothing(tmp_path):
    """D1"""
    found = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert (found.returncode, found.stderr.count("?:")) == (0, 0), found.stderr


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"CONTERA_SECRET_KEY": "change-me" * 8}, "contera.E001"),
        ({"CONTERA_ALLOWED_HOSTS": "portal.example,*"}, "contera.E002"),
    ],
)
def test_the_portal_does_not_start_with_samples(tmp_path, settings, code):
    """D1"""
    found = manage(tmp_path, "serve", "--port", "0", **settings)
    assert found.returncode != 0
    assert code in found.stderr
