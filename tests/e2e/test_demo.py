"""The demo is what it says it is, to each of its people."""

import json
import stat
from pathlib import Path

from playwright.sync_api import expect


def test_the_administrator_sees_the_recorder_with_its_cameras(demo, signed_in) -> None:
    page = signed_in("admin")
    recorder = demo.facts["recorders"][0]
    expect(page.get_by_text(recorder["name"]).first).to_be_visible()
    page.goto(f"/recorders/{recorder['id']}/")
    for camera in recorder["cameras"]:
        expect(page.get_by_text(camera["name"]).first).to_be_visible()


def test_a_stranger_sees_nothing_of_it(demo, signed_in) -> None:
    page = signed_in("stranger")
    recorder = demo.facts["recorders"][0]
    assert recorder["name"] not in page.content()
    answer = page.goto(f"/recorders/{recorder['id']}/")
    assert answer is not None
    assert answer.status == 404


def test_demo_json_is_private_and_names_running_programs(demo) -> None:
    assert stat.S_IMODE((demo.folder / "demo.json").stat().st_mode) == 0o600
    services = demo.facts["services"]
    assert {"portal", "worker", "beat", "cameras", "recorder", "redis"} == services.keys()
    assert all(Path(f"/proc/{pid}").exists() for pid in services.values())


def test_no_password_is_in_the_list_of_processes(demo) -> None:
    """K4: secrets are absent from process lists."""
    secrets = json.loads((demo.folder / "demo-secrets.json").read_text())
    hidden = [secrets["camera_password"], secrets["api_token"], secrets["admin"]["password"]]
    for pid in demo.facts["services"].values():
        command = Path(f"/proc/{pid}/cmdline").read_text()
        assert not [secret for secret in hidden if secret in command]


def test_a_recorder_with_foreign_cameras_is_registered_and_streams(demo, site) -> None:
    listed = demo.api("GET", "/api/v1/recorders/")["results"]
    assert site.recorder_id in [recorder["id"] for recorder in listed]
    assert [camera["number"] for camera in site.cameras] == [1, 2]


def test_the_api_describes_itself_within_the_content_policy(signed_in) -> None:
    """B1: the page of the API's description runs no inline script."""
    page, complaints = signed_in("viewer"), []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.goto("/api/docs/")
    expect(page.get_by_text("/api/v1/recorders/", exact=True).first).to_be_visible()
    assert complaints == []
