"""An installation in service with all that it needs, each of which can be stopped. Whatever has a
password has one that was planted: tests/outages/planted.py looks for it everywhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3

from tests.e2e.wire import Wire
from tests.outages.installation import START_S, Installation, installation, wait_until
from tests.outages.recorder import Recorder, recorder_running
from tests.services.postgres import INSTALLED, postgres_running
from tests.services.process import free_ports
from tests.services.rtsp import RtspServer
from tests.services.s3 import SECRET_KEY, S3Server, s3_running
from tests.services.smtp import MailServer, smtp_running
from tests.services.valkey import valkey_running

TOOLS = INSTALLED / "bin"  # of the server's own version
BUCKET = "exports"
PLANTED = {
    "database password": "canary-of-the-database",
    "redis password": "canary-of-redis",
    "mail password": "canary-of-the-mail-server",
    "storage secret": SECRET_KEY,
    "camera password": "canary-of-the-camera",
}


@dataclass
class Line:
    """The way to a server, which can be held (it is silent) or cut (it is gone)."""

    target: tuple[str, int]
    wire: Wire

    @property
    def port(self) -> int:
        return self.wire.port

    def hold(self) -> None:
        self.wire.hold()

    def release(self) -> None:
        self.wire.release()

    def cut(self) -> None:
        self.wire.cut()

    def mend(self) -> None:
        self.wire = Wire(self.wire.port, self.target)


class Storage:
    """An S3 server, started again where it was, with what it had."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = contextlib.ExitStack()
        self.server = self._running.enter_context(s3_running(folder))
        _make_bucket(self.server)

    def stop(self) -> None:
        self._running.close()

    def start(self) -> None:
        self._running.enter_context(s3_running(self._folder, port=self.server.port))


def _make_bucket(server: S3Server) -> None:
    boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    ).create_bucket(Bucket=BUCKET)


@dataclass
class Site:
    postgres: str
    valkey: str
    portal: Installation
    recorder: Recorder
    database: Line
    redis: Line
    storage: Storage
    mail: MailServer
    programs: contextlib.ExitStack  # the portal's own

    @contextlib.contextmanager
    def portal_lost(self) -> Iterator[None]:
        self.programs.close()
        yield
        start(self.portal, self.programs)


def start(portal: Installation, programs: contextlib.ExitStack) -> None:
    programs.enter_context(portal.portal())
    programs.enter_context(portal.worker())


@contextlib.contextmanager
def line_to(url: str) -> Iterator[Line]:
    parts = urlsplit(url)
    target = (parts.hostname or "", parts.port or 0)
    line = Line(target, Wire(free_ports(1)[0], target))
    try:
        yield line
    finally:
        line.cut()


@contextlib.contextmanager
def site_running(rtsp: RtspServer, folder: Path) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(postgres_running())
        valkey = stack.enter_context(valkey_running(folder, password=PLANTED["redis password"]))
        (folder / "s3").mkdir()
        storage = Storage(folder / "s3")
        stack.callback(storage.stop)
        mail = stack.enter_context(smtp_running())
        database, redis = (stack.enter_context(line_to(url)) for url in (postgres, valkey))
        portal = installation(
            folder / "portal",
            PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
            DATABASE_URL=with_password(_through(postgres, database)),
            REDIS_URL=_through(valkey, redis),
            CONTERA_STORAGE=storage.server.storage(BUCKET),
            EMAIL_URL=f"smtp://me:{PLANTED['mail password']}@127.0.0.1:{mail.port}",
            CONTERA_LOG_LEVEL="DEBUG",
        )
        portal.set_up()
        programs = stack.enter_context(contextlib.ExitStack())
        start(portal, programs)
        recorder = stack.enter_context(
            recorder_running(portal, rtsp, folder / "recorder", PLANTED["camera password"])
        )
        wait_until(lambda: portal.ready().get("worker") == "ok", START_S)
        yield Site(postgres, valkey, portal, recorder, database, redis, storage, mail, programs)


def _through(url: str, line: Line) -> str:
    return url.replace(f":{line.target[1]}/", f":{line.port}/")


def with_password(postgres: str) -> str:
    """The server asks for none, and is shown one all the same."""
    return postgres.replace("@", f":{PLANTED['database password']}@", 1)
