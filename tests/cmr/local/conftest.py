"""The recorder's own site on real sockets: http, https, and the port that speaks both."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from argon2 import PasswordHasher

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.certificate import Certificate
from cmr.config import Config, WebConfig, load_config
from cmr.doors.ports import Port, Speech, listen
from cmr.doors.web import WebDoor
from cmr.identity import Identity
from cmr.local import slowdown
from cmr.local.access import LocalAccess
from cmr.local.accounts import FILE_NAME
from cmr.local.site import LocalSite
from cmr.registration import Registration
from tests.fakes.archive import MemoryArchive

ADMIN, GUEST = ("admin", "correct horse"), ("guest", "battery staple")


@dataclass
class Machine:
    """A recorder without cameras' threads and portal: what the pages ask of it."""

    config: Config
    cameras: Mapping[int, Camera]
    registration: Registration
    name: str = 'Gate <script>alert("1")</script>'
    restarts: list[Config] = field(default_factory=list)

    async def status(self) -> dict[str, Any]:
        return {
            "version": "1",
            "portal": "connected",
            "relay": "none",
            "storage": None,
            "problems": [],
            "addresses": [],
            "certificate": "",
            "cameras": [
                {**camera.status(), "recorded_from": None} for camera in self.cameras.values()
            ],
        }

    def restart(self) -> None:
        self.restarts.append(load_config(self.config.file))


@dataclass
class Site:
    """Addresses of the three ports, and what is behind them."""

    http: str
    https: str
    both: str
    machine: Machine
    access: LocalAccess
    api: Api
    tls: Certificate

    @property
    def streaming(self) -> str:
        """The port that speaks both, by https."""
        return self.both.replace("http:", "https:")


@pytest.fixture(params=["registered"])
def registration(identity: Identity, request: pytest.FixtureRequest) -> Registration:
    """`not registered` as a parameter: the same machine without a portal."""
    return Registration(identity if request.param == "registered" else None)


@pytest.fixture
def machine(tmp_path: Path, camera: Camera, registration: Registration) -> Machine:
    file = tmp_path / "cmr.toml"
    text = '# mine\n[web]\nhost = "127.0.0.1"\nport = 8080 # plain\n'
    file.write_text(text)
    camera.name = "Tor <b>&\"'"
    return Machine(load_config(file), {1: camera}, registration)


@pytest.fixture
async def site(
    machine: Machine,
    archive: MemoryArchive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Site]:
    monkeypatch.setattr(slowdown, "FIRST_WAIT_S", 0.01)
    access = LocalAccess(tmp_path, machine.cameras, machine.registration)
    (tmp_path / FILE_NAME).write_text(_accounts_text())
    api = Api(machine.cameras, archive, machine.registration)
    api.local_key = access.key
    any_port = WebConfig("127.0.0.1", 0)
    names = ["localhost", "127.0.0.1"]
    tls = Certificate(any_port, tmp_path, names, lambda: dt.datetime.now(dt.UTC))
    ports = [Port(listen(any_port), speaks) for speaks in Speech]
    door = WebDoor(api, LocalSite(machine, api, access), tls.context)
    task = asyncio.create_task(door.run(*ports))
    http, https, both = (f"127.0.0.1:{port.number}" for port in ports)
    yield Site(f"http://{http}", f"https://{https}", f"http://{both}", machine, access, api, tls)
    task.cancel()
    await asyncio.wait([task])
    for port in ports:
        port.sock.close()


@cache
def _accounts_text() -> str:
    """An administrator and a viewer, whose passwords are checked quickly."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    people = ((ADMIN, "admin"), (GUEST, "viewer"))
    rows = [{"name": n, "role": role, "hash": quick.hash(p)} for (n, p), role in people]
    return json.dumps({"accounts": rows})


@pytest.fixture
async def visitor() -> AsyncIterator[aiohttp.ClientSession]:
    """Keeps cookies and does not know whom to trust; `post` with `own(...)`."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        connector=aiohttp.TCPConnector(ssl=False),
        timeout=aiohttp.ClientTimeout(total=20),
    ) as session:
        yield session


def own(url: str) -> dict[str, str]:
    """The headers a browser sends with a form of our own page."""
    return {"Origin": "/".join(url.split("/")[:3])}


async def sign_in(
    visitor: aiohttp.ClientSession, url: str, account: tuple[str, str] = ADMIN
) -> aiohttp.ClientResponse:
    fields = {"name": account[0], "password": account[1]}
    return await visitor.post(
        f"{url}/sign-in/", data=fields, headers=own(url), allow_redirects=False
    )


def now() -> int:
    return int(time.time())
