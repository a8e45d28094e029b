"""Programs under test and around it: started on loopback, measured, stopped by their own id."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.processes import cpu_s
from protocol.tokens import Signer
from tests.fakes.certificate import self_signed

START_S = 10.0
_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; proxy_buffering off; proxy_http_version 1.1;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port} backlog=1024;
            location / {{ proxy_pass http://127.0.0.1:{origin}; }} }}
}}
"""


@dataclass(frozen=True)
class Program:
    process: subprocess.Popen[str]
    port: int = 0

    @property
    def cpu_s(self) -> float:
        return cpu_s([self.process.pid])

    @property
    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def read(self) -> dict[str, object]:
        """The next line of facts that a fleet process prints."""
        if self.process.stdout is None:
            raise RuntimeError("the program has no output to read")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended early")
        facts: dict[str, object] = json.loads(line)
        return facts

    def write(self, line: str) -> None:
        if self.process.stdin is None:
            raise RuntimeError("the program has no input")
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def started(command: list[str], port: int = 0, **environment: str) -> Iterator[Program]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield Program(process, port)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def fleet(
    role: str, *, port: int = 0, seconds: float = 10.0, is_tls: bool = False
) -> contextlib.AbstractContextManager[Program]:
    command = [sys.executable, "-m", "bench.fleet", role, "--port", str(port)]
    return started([*command, "--seconds", str(seconds), *(["--tls"] if is_tls else [])])


@contextlib.contextmanager
def relay(signer: Signer, *, is_tls: bool = False) -> Iterator[Program]:
    """A relay node, as a region would run it; with TLS of its own or without."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "jwks.json")
        keys.write_text(json.dumps({"keys": [signer.jwk]}))
        port = free_port()
        command = [sys.executable, "-m", "contera.relay", "--port", str(port)]
        if is_tls:
            command += ["--certificate", str(self_signed(Path(folder)))]
        with started(command, port, CONTERA_PORTAL_JWKS=str(keys)) as program:
            wait_for_port(port)
            yield program


@contextlib.contextmanager
def nginx(origin_port: int) -> Iterator[Program]:
    """One worker with `proxy_pass` and buffering off, as Debian's nginx-light has it."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    if path is None:
        raise RuntimeError("nginx is missing: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        settings = Path(folder, "nginx.conf")
        settings.write_text(_NGINX.format(folder=folder, port=port, origin=origin_port))
        command = [path, "-p", folder, "-c", str(settings), "-e", f"{folder}/error.log"]
        with started(command, port) as program:
            wait_for_port(port)
            yield program


def new_signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate(), "portal")


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
