"""A portal in service: the real programs, its data in a folder, its own address."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.services.process import ServiceError, free_ports, listens, running

ROOT = Path(__file__).resolve().parents[2]
START_S, STOP_S = 60.0, 15.0
ASKED_S = 20.0  # longer than any answer may take
ADMIN, PASSWORD = "admin@portal.test", "a long and good password"
SET_UP = """
import contera.celery, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
call_command("seed_demo")
"""
PEOPLE = {
    "admin": {"email": ADMIN, "password": PASSWORD},
    "viewer": {"email": "viewer@portal.test", "password": "another good password"},
    "stranger": {"email": "stranger@portal.test", "password": "a third good password"},
}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    took_s: float

    @property
    def json(self) -> Any:  # Any: JSON
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass
class Installation:
    """`port` is the same after it moved; `environment` is what its settings file would hold."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    key: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        own = {
            "CONTERA_DATA": str(self.folder),
            "CONTERA_BASE_URL": self.url,
            "CONTERA_STUN_PORT": "0",
            "CONTERA_IDENTITY_NETWORKS": "laboratory",
            "CONTERA_WEBHOOK_NETWORKS": "laboratory",
        }
        return {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", **own, **self.environment}

    def manage(self, *arguments: str, said: str = "") -> str:
        """The command's output. Raises ServiceError."""
        return self._python("manage.py", *arguments, said=said)

    def run(self, script: str, said: str = "") -> str:
        """What it prints; several commands in one program, because each takes seconds to start."""
        return self._python("-c", script, said=said)

    def _python(self, *arguments: str, said: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environ,
            input=said,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"{arguments[:2]}: {done.stderr[-1500:]}")
        return done.stdout

    def set_up(self) -> None:
        """A database with the three people, static files, and a key of the administrator's."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        said = self.run(SET_UP, json.dumps(PEOPLE))
        self.key = json.loads(said.splitlines()[-1])["api_token"]

    @contextlib.contextmanager
    def portal(self) -> Iterator[None]:
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port)]
        with self._program("portal", command, lambda: listens(self.port)):
            yield

    @contextlib.contextmanager
    def worker(self) -> Iterator[None]:
        """With beat inside; /readyz tells when it has looked for work once."""
        celery = [sys.executable, "-m", "celery", "-A", "contera", "worker", "--beat"]
        command = [*celery, "--pool", "solo", "--loglevel", "DEBUG"]
        with self._program("worker", command, lambda: True):
            yield

    def _program(self, name: str, command: list[str], is_ready: Callable[[], bool]) -> Any:
        log = self.folder / f"{name}.log"
        return running(command, log, is_ready, self.environ, start_s=START_S, stop_s=STOP_S)

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        method: str = "",
    ) -> Answer:
        """One request on a connection of its own."""
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASKED_S)
        with contextlib.closing(connection):
            verb = method or ("GET" if body is None else "POST")
            connection.request(verb, path, body, headers or {})
            found = connection.getresponse()
            content = found.read()
            took_s = time.monotonic() - began
            return Answer(found.status, dict(found.getheaders()), content, took_s)

    def api(
        self, path: str, body: object = None, method: str = "", key: str | None = None
    ) -> Answer:
        """As the administrator, or with another key."""
        headers = {"Authorization": f"Token {key or self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return self.ask(f"/api/v1/{path}", data, headers, method)

    def ready(self) -> dict[str, str]:
        try:
            found: dict[str, str] = self.ask("/readyz").json
        except OSError:
            return {}
        return found


@dataclass
class Browser:
    """Cookies and forms of one person, without script."""

    portal: Installation
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        return self._keep(self.portal.ask(path, headers=self._headers))

    def post(self, path: str, **fields: str) -> Answer:
        form = {**fields, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.portal.url}
        data = urlencode(form).encode()
        return self._keep(self.portal.ask(path, data, {**self._headers, **kind}))

    def sign_in(self, login: str = ADMIN, password: str = PASSWORD) -> Answer:
        if "csrftoken" not in self.cookies:
            self.get("/accounts/login/")
        return self.post("/accounts/login/", login=login, password=password)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _keep(self, answer: Answer) -> Answer:
        cookies = SimpleCookie()
        for name, value in answer.headers.items():
            if name.lower() == "set-cookie":
                cookies.load(value)
        self.cookies |= {name: morsel.value for name, morsel in cookies.items()}
        return answer


def installation(folder: Path, **environment: str) -> Installation:
    return Installation(folder, free_ports(1)[0], environment)


def wait_until(is_true: Callable[[], object], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s")
        time.sleep(0.2)
