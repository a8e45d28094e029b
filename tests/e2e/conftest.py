"""The real programs, a real browser, and cameras behind an RTSP server that is not ours.

`demo` runs everything that `make demo` runs. `site` is a second recorder, registered at that
portal by its administrator, whose cameras are those of the foreign server. `signed_in` opens pages.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.wire import Wire, wired
from tests.services.chromium import browser_type_launch_args  # noqa: F401  # a fixture
from tests.services.process import ServiceError, free_ports, running
from tests.services.rtsp import RtspServer

ROOT = Path(__file__).resolve().parents[2]
ONLINE_S = 40.0
SITE_HOST = "127.0.0.2"
# With the start of everything that a first test waits for.
TIMEOUT_S = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@dataclass(frozen=True)
class Account:
    email: str
    password: str


@dataclass(frozen=True)
class Demo:
    """A running demo, as its demo.json tells of it."""

    folder: Path

    @property
    def facts(self) -> dict[str, Any]:  # Any: JSON
        facts: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return facts

    @property
    def url(self) -> str:
        return str(self.facts["portal_url"])

    def account(self, name: str) -> Account:
        """`admin`, `viewer` or `stranger`."""
        return Account(**self.facts[name])

    @property
    def cameras(self) -> list[dict[str, Any]]:
        cameras: list[dict[str, Any]] = self.facts["recorders"][0]["cameras"]
        return cameras

    def pid(self, service: str) -> int:
        return int(self.facts["services"][service])

    def until_recorded(self, length_s: float, recorder_id: str | None = None) -> None:
        """Waits until every camera has so much recorded video; the wall clock is what fills it.
        Without an id: of the demo's own recorder."""
        path = f"/api/v1/recorders/{recorder_id or self.facts['recorders'][0]['id']}/cameras/"
        deadline = time.monotonic() + length_s + ONLINE_S
        oldest = (datetime.now(UTC) - timedelta(seconds=length_s)).isoformat()
        while time.monotonic() < deadline:
            begun = [camera["recorded_from"] or "z" for camera in self.api("GET", path)]
            if max(begun) < oldest:
                return
            time.sleep(0.5)
            oldest = (datetime.now(UTC) - timedelta(seconds=length_s)).isoformat()
        raise ServiceError(f"less than {length_s:g} s are recorded")

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A request of the administrator's to the API. Raises urllib.error.HTTPError."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Token {self.facts['api_token']}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=15) as answer:
            content = answer.read()
        return json.loads(content) if content else None


@dataclass(frozen=True)
class CopiedToken:
    """An access token of the demo's administrator, and when it was issued (monotonic seconds)."""

    text: str
    issued_at: float


@pytest.fixture(scope="session")
def copied_token(demo: Demo) -> CopiedToken:
    recorder = demo.facts["recorders"][0]["id"]
    answer = demo.api("POST", f"/api/v1/recorders/{recorder}/session/", {})
    return CopiedToken(answer["token"], time.monotonic())


@pytest.fixture(autouse=True)
def _copied_early(request: pytest.FixtureRequest) -> None:
    """It grows old while other tests run: nobody has to wait for that."""
    if "demo" in request.fixturenames:
        request.getfixturevalue("copied_token")


@pytest.fixture(scope="session")
def demo(scene_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    _share_scenes(scene_files, folder / "scenes")
    output = folder / "output"
    env = {"CONTERA_DATA": str(folder), "CONTERA_PORT": str(free_ports(1)[0])}
    env["CONTERA_IDENTITY_NETWORKS"] = "laboratory"  # the identity providers of the tests
    command = [sys.executable, "-m", "demo"]
    limits = {"start_s": 120.0, "stop_s": 40.0}
    with running(command, output, lambda: "Contera is ready" in _read(output), env, **limits):
        yield Demo(folder)


def _share_scenes(scenes: Path, folder: Path) -> None:
    """They take half a minute to draw and are only read."""
    folder.mkdir()
    for file in scenes.iterdir():
        with contextlib.suppress(OSError):
            os.link(file, folder / file.name)
            continue
        (folder / file.name).symlink_to(file)


def _read(path: Path) -> str:
    return path.read_text(errors="replace")


@dataclass(frozen=True)
class Site:
    """A recorder at the demo's portal; `cameras` as the API tells of them.

    It listens at SITE_HOST, where no offer leads: `wire` is the way to it over the local network.
    """

    recorder_id: str
    cameras: list[dict[str, Any]]
    folder: Path
    pid: int
    web_port: int


@pytest.fixture
def wire(site: Site) -> Iterator[Wire]:
    """The line on which browsers reach the site's own port."""
    with wired(site.web_port, (SITE_HOST, site.web_port)) as line:
        yield line


@pytest.fixture(scope="session")
def site(
    demo: Demo, foreign_rtsp: RtspServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    config = folder / "cmr.toml"
    [port] = free_ports(1)
    config.write_text(_configuration(foreign_rtsp, port))
    config.chmod(0o600)
    code = demo.api("POST", "/api/v1/registration-codes/", {"name": "Foreign cameras"})["code"]
    recorder = [sys.executable, "-m", "cmr", "--config", str(config)]
    enrol = [*recorder, "enrol", "--portal", demo.url, "--code", code]
    subprocess.run(enrol, check=True, timeout=30, capture_output=True)
    recorder_id = json.loads((folder / "identity.json").read_text())["recorder_id"]
    with running([*recorder, "run"], folder / "log", lambda: True) as process:
        yield Site(recorder_id, _until_streaming(demo, recorder_id), folder, process.pid, port)


def _configuration(rtsp: RtspServer, port: int) -> str:
    head = f'[web]\nhost = "{SITE_HOST}"\nport = {port}\n[storage]\nmax_size = "1GB"\n'
    return head + "".join(
        f'[[cameras]]\nnumber = {number}\nname = "Foreign {number}"\n'
        f'hd = "{rtsp.url(f"cam{number}-hd.mp4")}"\nsd = "{rtsp.url(f"cam{number}-sd.mp4")}"\n'
        for number in (1, 2)
    )


def _until_streaming(demo: Demo, recorder_id: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + ONLINE_S
    while time.monotonic() < deadline:
        cameras = demo.api("GET", f"/api/v1/recorders/{recorder_id}/cameras/")
        if cameras and all(camera["state"] == "streaming" for camera in cameras):
            return list(cameras)
        time.sleep(0.25)
    raise ServiceError(f"the cameras of {recorder_id} do not stream after {ONLINE_S:g} s")


@pytest.fixture
def sign_in(demo: Demo) -> Iterator[Callable[[Browser, str], Page]]:
    """`sign_in(browser, "viewer")`: a page of that person, in a browser profile of its own."""
    with contextlib.ExitStack() as stack:

        def open_page(browser: Browser, name: str) -> Page:
            context = browser.new_context(base_url=demo.url)
            stack.callback(context.close)
            page = context.new_page()
            account = demo.account(name)
            page.goto("/accounts/login/")
            page.fill("input[name=login]", account.email)
            page.fill("input[name=password]", account.password)
            page.press("input[name=password]", "Enter")
            page.wait_for_url("**/recorders/")
            return page

        yield open_page


@pytest.fixture
def signed_in(browser: Browser, sign_in: Callable[[Browser, str], Page]) -> Callable[[str], Page]:
    """`signed_in("viewer")`: as `sign_in`, in the browser of all tests."""
    return lambda name: sign_in(browser, name)
