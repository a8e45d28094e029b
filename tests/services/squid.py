"""Squid, the proxy that most firms have, with the ways of signing in that recorders know."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.services.process import free_ports, listens, running

REALM = "firm"
HELPERS = Path("/usr/lib/squid")


@dataclass(frozen=True)
class Squid:
    port: int
    log: Path  # a line a request: method, address, status, user

    def requests(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@contextlib.contextmanager
def squid_running(
    folder: Path,
    scheme: str = "null",
    *,
    user: str = "cctv",
    password: str = "sesame",
    tls_ports: Sequence[int] = (443,),
    may_connect: bool = True,
    port: int | None = None,
) -> Iterator[Squid]:
    """`tls_ports` are those that CONNECT may reach; hosts under `.test` are this machine.

    Raises ServiceError.
    """
    chosen = port or free_ports(1)[0]
    folder.mkdir(exist_ok=True)
    log = folder / "access.log"
    config = folder / "squid.conf"
    (folder / "hosts").write_text("127.0.0.1 portal.test relay.test elsewhere.test\n")
    (folder / "basic").write_text(f"{user}:{_plain_hash(password)}\n")
    secret = hashlib.md5(f"{user}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()
    (folder / "digest").write_text(f"{user}:{REALM}:{secret}\n")
    lines = [
        f"http_port 127.0.0.1:{chosen}",
        f"hosts_file {folder / 'hosts'}",
        f"acl SSL_ports port {' '.join(map(str, tls_ports))}",
        *_sign_in(scheme, folder),
        "http_access deny CONNECT" if not may_connect else "http_access deny CONNECT !SSL_ports",
        "http_access allow all" if scheme == "null" else "http_access allow known",
        "http_access deny all",
        "cache deny all",
        "logformat plain %rm %ru %>Hs %un",
        f"access_log stdio:{log} logformat=plain",
        f"cache_log {folder / 'cache.log'}",
        f"coredump_dir {folder}",
        f"cache_effective_user {getpass.getuser()}" if os.getuid() else "",
        "pid_filename none",
        "shutdown_lifetime 0 seconds",
        "visible_hostname proxy.test",
        "workers 1",
        "",
    ]
    config.write_text("\n".join(lines))
    if not os.getuid():  # it becomes the user `proxy`, who must reach its files
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "proxy")
        _open_the_way(folder)
    program = shutil.which("squid", path=f"{os.environ['PATH']}:/usr/sbin") or "squid"
    command = [program, "-N", "-f", str(config)]
    # Killed: when it is asked to end it takes two seconds.
    end = signal.SIGKILL
    with running(command, folder / "squid.log", lambda: listens(chosen), stop_signal=end):
        yield Squid(chosen, log)


def _open_the_way(folder: Path) -> None:
    """pytest's temporary folders are for their owner alone."""
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and parent.is_relative_to(tempfile.gettempdir()):
            parent.chmod(parent.stat().st_mode | 0o011)


def _sign_in(scheme: str, folder: Path) -> list[str]:
    if scheme == "null":
        return []
    program = {
        "basic": f"{HELPERS / 'basic_ncsa_auth'} {folder / 'basic'}",
        "digest": f"{HELPERS / 'digest_file_auth'} -c {folder / 'digest'}",
    }[scheme]
    return [
        f"auth_param {scheme} program {program}",
        f"auth_param {scheme} realm {REALM}",
        f"auth_param {scheme} children 1",
        *(["auth_param digest nonce_max_count 3"] if scheme == "digest" else []),
        "acl known proxy_auth REQUIRED",
    ]


def _plain_hash(password: str) -> str:
    """What the helper `basic_ncsa_auth` reads."""
    done = subprocess.run(
        ["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
