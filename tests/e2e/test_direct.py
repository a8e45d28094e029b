"""The recorder's own page in a real browser: its portal cannot be reached."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, Page, expect

from cmr.identity import Identity, save_identity
from protocol.times import format_time, parse_time
from protocol.tokens import KeyRing, public_jwk
from tests.services.process import free_ports, listens, running
from tests.services.rtsp import RtspServer, rtsp_running

PICTURE_MS = 30_000
RECORDED_S = 6
PASSWORDS = {"owner": "correct horse", "guard": "battery staple"}


@dataclass(frozen=True)
class Recorder:
    folder: Path
    https: str
    streaming_port: int

    @property
    def port(self) -> int:
        """Of http, wherever a test moved it."""
        found: int = tomllib.loads((self.folder / "cmr.toml").read_text())["web"]["port"]
        return found

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def cameras(scene_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """A server of their own: one plays for a single recorder."""
    with rtsp_running(scene_files, tmp_path_factory.mktemp("rtsp")) as server:
        yield server


@pytest.fixture(scope="module")
def recorder(cameras: RtspServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    folder = tmp_path_factory.mktemp("direct")
    http, https, streaming = free_ports(3)
    _configure(folder, cameras, (http, https, streaming))
    save_identity(folder, _identity())
    command = [sys.executable, "-m", "cmr", "--config", str(folder / "cmr.toml")]
    for name, role in (("owner", "admin"), ("guard", "viewer")):
        add = [*command, "account", "add", name, "--role", role]
        text = f"{PASSWORDS[name]}\n".encode()
        subprocess.run(add, check=True, timeout=30, capture_output=True, input=text)
    with running([*command, "run"], folder / "log", lambda: listens(http)):
        yield Recorder(folder, f"https://127.0.0.1:{https}", streaming)


def _configure(folder: Path, rtsp: RtspServer, ports: tuple[int, int, int]) -> None:
    names = ("port", "https_port", "streaming_port")
    text = '# by hand\n[web]\nhost = "127.0.0.1"\n'
    text += "".join(f"{name} = {port}\n" for name, port in zip(names, ports, strict=True))
    text += '[storage]\nmax_size = "1GB"\n'
    for number in (1, 2):
        text += f'[[cameras]]\nnumber = {number}\nname = "Yard <i>{number}</i>"\n'
        text += f'hd = "{rtsp.url(f"cam{number}-hd.mp4")}"\n'
        text += f'sd = "{rtsp.url(f"cam{number}-sd.mp4")}"\n'
    file = folder / "cmr.toml"
    file.write_text(text)
    file.chmod(0o600)


def _identity() -> Identity:
    """Registered with a portal that is away."""
    jwk = public_jwk(Ed25519PrivateKey.generate().public_key())
    return Identity(
        recorder_id="6f1d6f0e-4d5a-4c7c-9d1e-3b6f2a9c8e10",
        name="Yard",
        organisation="Harbour",
        portal_url="http://127.0.0.1:9",
        key=Ed25519PrivateKey.generate(),
        keys=KeyRing({"keys": [jwk]}),
        heartbeat_s=15,
    )


@pytest.fixture
def at_recorder(browser: Browser, recorder: Recorder) -> Iterator[Callable[..., Page]]:
    """`at_recorder("guard", url)`: that person's page; what the browser complains about fails."""
    complaints: list[str] = []
    with ExitStack() as stack:

        def open_page(name: str, url: str | None = None, **options: object) -> Page:
            url = url or recorder.http
            context = browser.new_context(base_url=url, ignore_https_errors=True, **options)
            stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda line: _note(line, complaints))
            page.goto("/")
            page.fill("input[name=name]", name)
            page.fill("input[name=password]", PASSWORDS[name])
            page.press("input[name=password]", "Enter")
            page.wait_for_url("**/live/")
            return page

        yield open_page
    assert complaints == []


def _note(line: object, complaints: list[str]) -> None:
    if line.type == "error" and "Failed to load resource" not in line.text:
        complaints.append(line.text)


def plays(page: Page, count: int) -> None:
    players = page.locator('contera-player[data-state="playing"][data-path="direct"]')
    expect(players).to_have_count(count, timeout=PICTURE_MS)
    moving = "() => [...document.querySelectorAll('video')].every((v) => v.currentTime > 0.5)"
    page.wait_for_function(moving, timeout=PICTURE_MS)


def test_live_and_recorded_play_while_the_portal_is_away(recorder, at_recorder) -> None:
    page = at_recorder("guard")
    plays(page, 2)
    expect(page.get_by_text("Yard <i>1</i>").first).to_be_visible()
    page.get_by_role("link", name="Recorded", exact=True).first.click()
    expect(page.locator("contera-timeline")).to_be_visible()
    page.goto(f"/recorded/?time={_recorded_since(recorder)}")
    plays(page, 2)


def _recorded_since(recorder: Recorder) -> str:
    """When all cameras had been recorded for some seconds."""
    deadline = time.monotonic() + PICTURE_MS / 1000
    while time.monotonic() < deadline:
        cameras = json.loads((recorder.folder / "status.json").read_text())["cameras"]
        if all(camera["recorded_to"] for camera in cameras):
            starts = [parse_time(camera["recorded_from"]) for camera in cameras]
            ends = [parse_time(camera["recorded_to"]) for camera in cameras]
            if (min(ends) - max(starts)).total_seconds() > RECORDED_S:
                return format_time(max(starts))
        time.sleep(0.25)
    raise AssertionError("nothing was recorded")


def test_the_same_over_https(recorder, at_recorder) -> None:
    page = at_recorder("guard", recorder.https)
    plays(page, 2)
    page.goto("/live/?layout=1&page=2")
    plays(page, 1)
    expect(page.locator("contera-player")).to_have_attribute("data-profile", "hd")


def test_a_viewer_is_not_offered_what_changes_the_recorder(at_recorder) -> None:
    page = at_recorder("guard")
    expect(page.get_by_role("link", name="Status")).to_have_count(1)
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)


def test_a_removed_account_stops_watching(recorder, at_recorder) -> None:
    """A6 for local accounts: with the next renewal, 60 s at most; here it is asked for at once."""
    page = at_recorder("guard")
    plays(page, 2)
    command = [sys.executable, "-m", "cmr", "--config", str(recorder.folder / "cmr.toml")]
    change = [*command, "account", "password", "guard"]
    try:
        words = b"another staple\n"
        subprocess.run(change, check=True, timeout=30, capture_output=True, input=words)
        page.evaluate("dispatchEvent(new Event('online'))")
        denied = page.locator('contera-player[data-state="denied"]')
        expect(denied).to_have_count(2, timeout=PICTURE_MS)
    finally:
        back = f"{PASSWORDS['guard']}\n".encode()
        subprocess.run(change, check=True, timeout=30, capture_output=True, input=back)


def test_on_a_phone_every_page_fits(at_recorder) -> None:
    page = at_recorder("owner", viewport={"width": 360, "height": 740})
    for path in ("/live/", "/recorded/", "/status/", "/settings/", "/enrolment/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_status_says_how_everything_is(at_recorder) -> None:
    page = at_recorder("owner")
    page.goto("/status/")
    expect(page.get_by_text("Streaming")).to_have_count(2, timeout=PICTURE_MS)
    expect(page.get_by_text(re.compile("recording goes on"))).to_be_visible(timeout=PICTURE_MS)


def test_a_new_port_is_used_at_once_and_the_page_follows(recorder, at_recorder) -> None:
    page, before, port = at_recorder("owner"), recorder.port, free_ports(1)[0]
    _move(page, before, port)
    assert (recorder.folder / "cmr.toml").read_text().startswith("# by hand\n[web]\n")
    page.goto(f"http://127.0.0.1:{port}/live/")
    plays(page, 2)
    _move(page, port, before)


def _move(page: Page, before: int, after: int) -> None:
    """The recorder's http port, on its settings page."""
    page.goto(f"http://127.0.0.1:{before}/settings/")
    page.get_by_label("http port").fill(str(after))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved: http port.")).to_be_visible()
    page.wait_for_url(f"http://127.0.0.1:{after}/settings/", timeout=PICTURE_MS)


def test_the_demo_names_the_recorders_own_page(demo) -> None:
    recorder = demo.facts["recorders"][0]
    local = recorder["local"]
    request = urllib.request.Request(f"http://127.0.0.1:{local['streaming_port']}/v1/")
    opener = urllib.request.build_opener(_with_password(request.full_url, local))
    with opener.open(request, timeout=15) as answer:
        assert recorder["id"] in answer.read().decode()


def _with_password(url: str, local: dict[str, str]) -> urllib.request.BaseHandler:
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, url, local["name"], local["password"])
    return urllib.request.HTTPBasicAuthHandler(passwords)
