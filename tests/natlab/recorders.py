"""The real programs of a customer's site: camera, recorder, and a proxy where one is needed."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.natlab import cameras
from tests.natlab.catalogue import CAMERA, RECORDER
from tests.natlab.namespaces import Laboratory
from tests.natlab.portal import PYTHON, Json, Portal, run_here
from tests.natlab.sites import PROXY, PROXY_PORT, RECORDER_PORT, Nat, Site
from tests.services.process import ServiceError, listens, running

READY_S = 60.0


@contextlib.contextmanager
def sites_running(
    portal: Portal, sites: Sequence[Site], folder: Path, scenes: Path
) -> Iterator[dict[str, str]]:
    """A camera and a registered recorder at each site; gives the recorders' ids by site.

    Inside the block all of them stream and have told the portal what they know of their network.
    """
    lab, env, password = portal.laboratory, portal.environment, secrets.token_urlsafe(12)
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
            stack.enter_context(running(command, home / "log", lambda: True, env))
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
    enrol = [PYTHON, "-m", "cmr", "--config", str(config), "enrol"]
    enrol += ["--portal", portal.url, "--code", code]
    run_here(portal.laboratory.command(site.namespace(RECORDER), *enrol), portal.environment)
    return str(json.loads((home / "identity.json").read_text())["recorder_id"])


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
