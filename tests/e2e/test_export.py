"""An incident from the marked range to a verified file, through the real programs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import zipfile
from datetime import UTC, datetime, timedelta

import av
import pytest
from playwright.sync_api import Page, expect

READY_MS = 60_000
RANGE_S = 6


@pytest.fixture
def recorded(demo) -> dict[str, str]:
    """Query of the form: two cameras and seconds that are recorded by now."""
    demo.until_recorded(RANGE_S + 4)
    end = datetime.now(UTC) - timedelta(seconds=3)
    start = end - timedelta(seconds=RANGE_S)
    ids = ",".join(camera["id"] for camera in demo.cameras[:2])
    return {"cameras": ids, "start": start.isoformat(), "end": end.isoformat()}


def make_incident(page: Page, query: dict[str, str], title: str) -> None:
    address = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in query.items())
    page.goto(f"/incidents/new/?{address}")
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Save and export").click()
    page.wait_for_url("**/incidents/*-*/")


def test_an_incident_is_exported_and_downloaded(signed_in, recorded) -> None:
    """The page follows by itself; the file has the hash it shows and plays from zero."""
    page = signed_in("admin")
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    make_incident(page, recorded, "Broken window")
    expect(page.locator(".export .status").first).to_have_text("Ready", timeout=READY_MS)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download", exact=True).first.click()
    content = downloading.value.path().read_bytes()
    shown = page.locator(".hash code").first.inner_text()
    assert hashlib.sha256(content).hexdigest() == shown
    with av.open(io.BytesIO(content)) as video:
        frames = [float(frame.time) for frame in video.decode(video=0)]
    assert frames[0] == 0
    assert RANGE_S - 1.5 <= frames[-1] <= RANGE_S + 2.5
    assert complaints == []


def test_download_all_is_one_archive(signed_in, recorded) -> None:
    page = signed_in("admin")
    make_incident(page, recorded, "All of it")
    with page.expect_download(timeout=READY_MS) as downloading:
        page.get_by_role("link", name="Download all").click(timeout=READY_MS)
    with zipfile.ZipFile(downloading.value.path()) as archive:
        assert archive.testzip() is None
        clips = json.loads(archive.read("manifest.json"))["clips"]
        for clip in clips:
            found = hashlib.sha256(archive.read(clip["file"])).hexdigest()
            assert found == clip["sha256"]
    assert len(clips) == 2


def test_a_killed_worker_does_not_lose_an_export(demo, signed_in, recorded) -> None:
    """J1, with the real worker: the supervisor starts another, the beat queues the export."""
    page = signed_in("admin")
    os.kill(demo.pid("worker"), signal.SIGKILL)
    make_incident(page, recorded, "Worker killed")
    expect(page.locator(".export .status").first).to_have_text("Ready", timeout=90_000)


def test_a_viewer_without_the_right_sees_no_incident(signed_in, recorded) -> None:
    admin = signed_in("admin")
    make_incident(admin, recorded, "Not for viewers")
    viewer = signed_in("viewer")
    answer = viewer.goto(admin.url)
    assert answer is not None
    assert answer.status == 404
    viewer.goto("/incidents/")
    expect(viewer.get_by_text("Not for viewers")).to_have_count(0)
