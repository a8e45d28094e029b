"""The demo's folder, `$CONTERA_DATA`: who uses it, its secrets and ports, and `demo.json`.

Secrets are made once, at random, and kept, so that the second start shows the same passwords.
"""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from protocol import private_file

# A unix socket's address has at most 107 characters (unix(7)); its name is up to 20 of them.
MAX_SOCKET_FOLDER = 85


class DemoError(Exception):
    """Why the demo cannot go on, in words for the person who started it."""


@dataclass(frozen=True)
class Account:
    email: str
    password: str


@dataclass(frozen=True)
class Secrets:
    """What this installation made up once. `recorder_port` is the recorder's own page, which
    `local_password` opens."""

    admin: Account
    viewer: Account
    stranger: Account
    camera_password: str
    camera_port: int
    recorder_port: int
    stun_port: int
    recorder_https_port: int
    recorder_streaming_port: int
    local_password: str
    api_token: str = ""

    @classmethod
    def make(cls, port: int) -> Self:
        """The ports go with the portal's, so that demos started together do not race for them."""
        return cls(
            admin=_account("admin@demo.example"),
            viewer=_account("viewer@demo.example"),
            stranger=_account("stranger@other.example"),
            camera_password=secrets.token_urlsafe(12),
            camera_port=port + 554,
            recorder_port=port + 80,
            stun_port=port,
            recorder_https_port=port + 443,
            recorder_streaming_port=port + 887,
            local_password=_account("").password,
        )

    @classmethod
    def parse(cls, content: str, port: int) -> Self:
        """What an older demo did not make up yet is made up now."""
        made = asdict(cls.make(port))
        fields: dict[str, Any] = made | json.loads(content)  # Any: as JSON gives it
        for name in ("admin", "viewer", "stranger"):
            fields[name] = Account(**fields[name])
        return cls(**fields)


def _account(email: str) -> Account:
    # Read aloud and typed by people: four groups without look-alikes, 78 bits.
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
    return Account(email, "-".join(groups))


class DemoFolder:
    """The folder and the files in it that the demo itself keeps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.secrets_file = path / "demo-secrets.json"
        self.demo_file = path / "demo.json"
        self.scenes = path / "scenes"
        self.recorder = path / "recorder"
        self.log = path / "log"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Keep the folder to this process. Raises DemoError when another demo uses it."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.path / "demo.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise DemoError(
                    f"Another demo uses {self.path} (process {lock.read() or 'unknown'}). "
                    "Stop it, or choose another folder: CONTERA_DATA=… make demo"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def secrets(self, port: int) -> Secrets:
        """The secrets of this installation, made for the portal's port when they are not there."""
        if not self.secrets_file.exists():
            self.keep(Secrets.make(port))
        return Secrets.parse(self.secrets_file.read_text(), port)

    def keep(self, made: Secrets) -> None:
        private_file.replace(self.secrets_file, json.dumps(asdict(made), indent=2).encode())

    def show(self, content: dict[str, Any]) -> None:
        """Write demo.json (DESIGN.md, section 11)."""
        private_file.replace(self.demo_file, (json.dumps(content, indent=2) + "\n").encode())

    def socket_folder(self) -> Path:
        """Where unix sockets go: inside the folder unless that address would be too long."""
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= MAX_SOCKET_FOLDER:
            inside.mkdir(exist_ok=True, mode=0o700)
            return inside
        short = Path(f"/tmp/contera-{os.getuid()}-{os.stat(self.path).st_ino}")  # noqa: S108
        short.mkdir(exist_ok=True, mode=0o700)
        if short.stat().st_uid != os.getuid():
            raise DemoError(f"{short} belongs to somebody else")
        return short


def require_free(port: int) -> None:
    """Raises DemoError when the portal's port is taken."""
    if not is_free(port):
        raise DemoError(
            f"Port {port} is used by another program. "
            f"Stop it, or choose another port: CONTERA_PORT={port + 1} make demo"
        )


def with_free_ports(made: Secrets) -> Secrets:
    """The same secrets; ports that somebody else took meanwhile are replaced by free ones."""
    taken: set[int] = set()
    camera_port = _free_near(made.camera_port, taken)
    recorder_port = _free_near(made.recorder_port, taken)
    https_port = _free_near(made.recorder_https_port, taken)
    streaming_port = _free_near(made.recorder_streaming_port, taken)
    stun_port = made.stun_port if is_free(made.stun_port, socket.SOCK_DGRAM) else _any_udp_port()
    return replace(
        made,
        camera_port=camera_port,
        recorder_port=recorder_port,
        recorder_https_port=https_port,
        recorder_streaming_port=streaming_port,
        stun_port=stun_port,
    )


def _free_near(port: int, taken: set[int]) -> int:
    while port in taken or not is_free(port):
        port = port + 1 if port < 65_535 else 10_000
    taken.add(port)
    return port


def _any_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
