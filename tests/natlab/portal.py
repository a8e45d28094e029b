"""The portal, with Redis, relay and STUN inside: on http, or behind nginx with TLS."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.natlab.namespaces import Laboratory
from tests.natlab.sites import PORTAL, PORTAL_ADDRESS, STUN_OTHER_ADDRESS
from tests.services.process import ServiceError, running

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ("admin", "viewer", "stranger")
COMMAND_S = 60.0
ASK_S = 10.0

Json = Any  # as the API gives it


@dataclass(frozen=True)
class Portal:
    """Asked by its administrator's key. `certificate` is trusted by who uses it; None: http."""

    laboratory: Laboratory
    certificate: Path | None
    api_token: str
    passwords: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"{'http' if self.certificate is None else 'https'}://{PORTAL_ADDRESS}"

    @property
    def trust(self) -> ssl.SSLContext | None:
        """For clients of ours."""
        return self.certificate and ssl.create_default_context(cafile=self.certificate)

    @property
    def environment(self) -> dict[str, str]:
        """For programs that are to trust it."""
        return {"SSL_CERT_FILE": str(self.certificate)} if self.certificate else {}

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        """A request from the portal's own machine. Raises urllib.error.HTTPError."""
        return self.laboratory.call(PORTAL, lambda: self.ask_from_here(method, path, body))

    def ask_from_here(self, method: str, path: str, body: Json = None) -> Json:
        """A request from where this thread is. Raises urllib.error.HTTPError."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Token {self.api_token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=ASK_S, context=self.trust) as answer:
            return json.load(answer)

    def answers(self) -> bool:
        try:
            self.ask("GET", "/api/v1/recorders/")
        except OSError:
            return False
        return True


@contextlib.contextmanager
def portal_running(lab: Laboratory, folder: Path, *, has_tls: bool = False) -> Iterator[Portal]:
    """The portal answers inside the block, and knows the people of the demo."""
    certificate = _certificate(folder) if has_tls else None
    portal = Portal(lab, certificate, "", {name: secrets.token_urlsafe(12) for name in PEOPLE})
    env = {
        "CONTERA_DATA": str(folder / "portal"),
        "CONTERA_BASE_URL": portal.url,
        "CONTERA_TRUSTED_PROXIES": str(int(has_tls)),
        "CONTERA_STUN_ADDRESS": PORTAL_ADDRESS,
        "CONTERA_STUN_OTHER_ADDRESS": STUN_OTHER_ADDRESS,
    }
    _manage(env, "migrate", "--no-input", "--verbosity", "0")
    _manage(env, "collectstatic", "--no-input", "--verbosity", "0")
    portal = Portal(lab, certificate, _seed(env, portal.passwords), portal.passwords)
    serve = [PYTHON, "manage.py", "serve"]
    serve += ["--port", "8000"] if has_tls else ["--host", "0.0.0.0", "--port", "80"]
    with contextlib.ExitStack() as stack:
        if certificate:
            command = lab.command(PORTAL, "nginx", "-c", str(_nginx_config(folder, certificate)))
            stack.enter_context(running(command, folder / "nginx.log", lambda: True))
        command = lab.command(PORTAL, *serve)
        stack.enter_context(running(command, folder / "portal.log", portal.answers, env))
        yield portal


def _seed(env: Mapping[str, str], passwords: Mapping[str, str]) -> str:
    people = {name: {"email": email(name), "password": passwords[name]} for name in PEOPLE}
    made = _manage(env, "seed_demo", text=json.dumps(people | {"api_token": ""}))
    return str(json.loads(made)["api_token"])


def email(person: str) -> str:
    return f"{person}@natlab.example"


def _manage(env: Mapping[str, str], *words: str, text: str = "") -> str:
    return run_here([PYTHON, "manage.py", *words], env, text)


def run_here(command: list[str], env: Mapping[str, str], text: str = "") -> str:
    """What a program of ours says. Raises ServiceError."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | env,
        input=text,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"{' '.join(command[-3:])}: {done.stderr[-1500:]}")
    return done.stdout


# --- TLS ------------------------------------------------------------------------------------------


def _certificate(folder: Path) -> Path:
    """Of a kind that Chromium knows (P-256), for the portal's address."""
    file = folder / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=portal", "-addext", f"subjectAltName=IP:{PORTAL_ADDRESS}"]
    out = ["-days", "1", "-keyout", str(file.with_suffix(".key")), "-out", str(file)]
    run_here(["openssl", "req", "-x509", *curve, *names, *out], {})
    return file


def _nginx_config(folder: Path, certificate: Path) -> Path:
    """The one that installations begin with (deploy/nginx.conf), with our names."""
    server = (ROOT / "deploy/nginx.conf").read_text()
    letsencrypt = "/etc/letsencrypt/live/portal.example.com/"
    server = server.replace(f"{letsencrypt}fullchain.pem", str(certificate))
    server = server.replace(f"{letsencrypt}privkey.pem", str(certificate.with_suffix(".key")))
    server = server.replace("portal.example.com", PORTAL_ADDRESS)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off;\nuser root;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n  access_log off;\n  client_body_temp_path {folder}/nginx-body;\n"
        f"  proxy_temp_path {folder}/nginx-proxy;\n{server}}}\n"
    )
    return config
