"""The real programs of a laboratory: portal, cameras, and a recorder in each customer's site."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmr.config import load_config
from cmr.enrolment import enrol
from cmr.identity import save_identity
from cmr.portal import parse_portal_url
from cmr.proxy import Proxy
from tests.natlab import cameras
from tests.natlab.catalogue import CAMERA, RECORDER
from tests.natlab.namespaces import Laboratory
from tests.natlab.sites import (
    PORTAL,
    PORTAL_ADDRESS,
    PROXY,
    PROXY_PORT,
    RECORDER_PORT,
    STUN_OTHER_ADDRESS,
    Nat,
    Site,
)
from tests.services.process import ServiceError, listens, running

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[2]
URL = f"http://{PORTAL_ADDRESS}"
PEOPLE = ("admin", "viewer", "stranger")
READY_S = 60.0
ASK_S = 10.0

Json = Any  # as the API gives it


@dataclass(frozen=True)
class Portal:
    """The portal at PORTAL_ADDRESS, asked from any machine by its administrator's key."""

    laboratory: Laboratory
    api_token: str
    passwords: Mapping[str, str]

    def ask_from(self, machine: str, method: str, path: str, body: Json = None) -> Json:
        return self.laboratory.call(machine, lambda: ask(self.api_token, method, path, body))

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        return self.ask_from(PORTAL, method, path, body)


def ask(api_token: str, method: str, path: str, body: Json = None) -> Json:
    """A request to the portal from where this thread is. Raises urllib.error.HTTPError."""
    request = urllib.request.Request(URL + path, method=method)
    request.add_header("Authorization", f"Token {api_token}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=ASK_S) as answer:
        return json.load(answer)


# --- Portal ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def portal_running(lab: Laboratory, folder: Path) -> Iterator[Portal]:
    """The portal with Redis, relay and STUN inside, and the people of the demo."""
    env = {
        "CONTERA_DATA": str(folder / "portal"),
        "CONTERA_BASE_URL": URL,
        "CONTERA_STUN_ADDRESS": PORTAL_ADDRESS,
        "CONTERA_STUN_OTHER_ADDRESS": STUN_OTHER_ADDRESS,
    }
    _manage(env, "migrate", "--no-input", "--verbosity", "0")
    _manage(env, "collectstatic", "--no-input", "--verbosity", "0")
    passwords = {name: secrets.token_urlsafe(12) for name in PEOPLE}
    token = _seed(env, passwords)
    portal = Portal(lab, token, passwords)
    command = lab.command(PORTAL, PYTHON, "manage.py", "serve", "--host", "0.0.0.0", "--port", "80")
    with running(command, folder / "portal.log", lambda: _answers(portal), env):
        yield portal


def _seed(env: Mapping[str, str], passwords: Mapping[str, str]) -> str:
    people = {name: {"email": email(name), "password": passwords[name]} for name in PEOPLE}
    made = _manage(env, "seed_demo", text=json.dumps(people | {"api_token": ""}))
    return str(json.loads(made)["api_token"])


def email(person: str) -> str:
    return f"{person}@natlab.example"


def _manage(env: Mapping[str, str], *words: str, text: str = "") -> str:
    command = [PYTHON, "manage.py", *words]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | env,
        input=text,
        capture_output=True,
        text=True,
        timeout=READY_S,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"{words[0]}: {done.stderr[-1500:]}")
    return done.stdout


def _answers(portal: Portal) -> bool:
    try:
        portal.ask("GET", "/api/v1/recorders/")
    except OSError:
        return False
    return True


# --- Sites ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def sites_running(
    portal: Portal, sites: Sequence[Site], folder: Path, scenes: Path
) -> Iterator[dict[str, str]]:
    """A camera and a registered recorder at each site; gives the recorders' ids by site.

    Inside the block all of them stream and have told the portal what they know of their network.
    """
    lab, password = portal.laboratory, secrets.token_urlsafe(12)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_cameras_running(lab, sites, folder, scenes, password))
        recorders = {}
        for site in sites:
            home = folder / site.name
            home.mkdir(mode=0o700)
            if site.needs_proxy:
                stack.enter_context(_proxy_running(lab, site, home))
            recorders[site.name] = _register(portal, site, home, password)
            command = [PYTHON, "-m", "cmr", "--config", f"{home}/cmr.toml", "run"]
            command = lab.command(site.namespace(RECORDER), *command)
            stack.enter_context(running(command, home / "log", lambda: True))
        for site in sites:
            _wait_until_ready(portal, recorders[site.name], folder / site.name / "log")
            _configure(portal, site, recorders[site.name])
        yield recorders


@contextlib.contextmanager
def _cameras_running(
    lab: Laboratory, sites: Sequence[Site], folder: Path, scenes: Path, password: str
) -> Iterator[None]:
    machines = [lab.name(site.namespace(CAMERA)) for site in sites]
    command = [PYTHON, "-m", "tests.natlab.cameras", "--scenes", str(scenes), *machines]
    log = folder / "cameras.log"
    env = {"CONTERA_CAMERA_PASSWORD": password}
    with running(command, log, lambda: "ready" in log.read_text(), env):
        yield


@contextlib.contextmanager
def _proxy_running(lab: Laboratory, site: Site, home: Path) -> Iterator[None]:
    """Squid on the site's proxy host; who may use it is no question here."""
    config = home / "squid.conf"
    config.write_text(
        f"http_port {PROXY_PORT}\nhttp_access allow all\ncache deny all\naccess_log none\n"
        "cache_log /dev/null\npid_filename none\nshutdown_lifetime 0 seconds\n"
        "cache_effective_user proxy\nvisible_hostname proxy\n"
    )
    machine = site.namespace(PROXY)
    command = lab.command(machine, "squid", "-N", "-f", str(config))
    with running(
        command, home / "squid.log", lambda: lab.call(machine, lambda: listens(PROXY_PORT))
    ):
        yield


def _proxy_lines(site: Site) -> str:
    if not site.needs_proxy:
        return ""
    return f'[proxy]\nurl = "http://{site.address(PROXY)}:{PROXY_PORT}"\n'


def _register(portal: Portal, site: Site, home: Path, password: str) -> str:
    """Writes the recorder's configuration, and registers it from its own machine."""
    camera = cameras.address(site.address(CAMERA), password)
    config = home / "cmr.toml"
    config.write_text(
        f'[recorder]\nname = "{site.name}"\n[web]\nport = {RECORDER_PORT}\n'
        f'[storage]\nmax_size = "200MB"\n[[cameras]]\nnumber = 1\nname = "Gate"\nhd = "{camera}"\n'
        + _proxy_lines(site)
    )
    config.chmod(0o600)
    code = portal.ask("POST", "/api/v1/registration-codes/", {"name": site.name})["code"]

    def register() -> str:
        url = parse_portal_url(URL)
        proxy = load_config(config).proxy
        by = Proxy(proxy) if proxy else None
        identity = asyncio.run(enrol(url, code, site.name, time.time(), by))
        save_identity(home, identity)
        return identity.recorder_id

    return portal.laboratory.call(site.namespace(RECORDER), register)


def _configure(portal: Portal, site: Site, recorder: str) -> None:
    """Remote Network Settings as the site's owner would set them."""
    address = f"/api/v1/recorders/{recorder}/network/"
    settings = portal.ask("GET", address)
    if site.forwards_web_door:
        where = {"address": site.outside_address, "port": RECORDER_PORT, "https": False}
        settings["manual_nat"] = {"enabled": True, **where}
    if site.nat is Nat.PUBLIC:  # without NAT, only this tells that both are on one network
        settings["lan"]["ranges"] = [f"{site.lan}.0/24"]
    portal.ask("PUT", address, settings)


def _wait_until_ready(portal: Portal, recorder: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not (_is_streaming(portal, recorder) and reported_nat(portal, recorder)):
        if time.monotonic() > deadline:
            raise ServiceError(f"a recorder does not get ready:\n{log.read_text()[-1500:]}")
        time.sleep(0.2)


def _is_streaming(portal: Portal, recorder: str) -> bool:
    found = portal.ask("GET", f"/api/v1/recorders/{recorder}/cameras/")
    return bool(found) and all(camera["state"] == "streaming" for camera in found)


def reported_nat(portal: Portal, recorder: str) -> Json:
    """What the recorder itself found out about its NAT; empty until it has."""
    return portal.ask("GET", f"/api/v1/recorders/{recorder}/")["connection"]["nat"]
