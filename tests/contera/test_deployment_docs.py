"""docs/deployment.md names every setting that the environment has, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELAY_NODE = {"CONTERA_PORTAL_JWKS", "CONTERA_PORTAL_ORIGINS", "CONTERA_RELAY_KEY_FILE"}


def test_every_setting_is_documented_and_nothing_else():
    settings = (ROOT / "contera/settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', settings))
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert read == told - RELAY_NODE


def test_programs_that_systemd_starts_are_those_of_the_image():
    units = {path.stem for path in (ROOT / "deploy/systemd").iterdir()}
    assert units == {
        f"contera-{name}" for name in ("portal", "worker", "beat", "relay", "recorder")
    }
    compose = (ROOT / "deploy/compose.yaml").read_text()
    for name in ("worker", "beat"):
        assert f"celery -A contera {name}" in compose
