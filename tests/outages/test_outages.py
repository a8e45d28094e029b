"""D2: a part of the portal is stopped or silent. Pages say so within bounded time, live video goes
on, and everything recovers without a restart. The real programs against PostgreSQL and Redis."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.wire import Wire
from tests.outages.installation import Answer, Browser, Installation, installation, wait_until
from tests.outages.recorder import Recorder, recorder_running, watching
from tests.outages.restored import is_as_before
from tests.services.postgres import INSTALLED, postgres_running
from tests.services.process import free_ports
from tests.services.rtsp import RtspServer
from tests.services.valkey import valkey_running

TOOLS = INSTALLED / "bin"  # of the server's own version
LONGEST_S = 10.0  # a worker that hangs longer is one that nobody else gets


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


@dataclass
class Site:
    postgres: str
    portal: Installation
    recorder: Recorder
    database: Line
    redis: Line


@contextlib.contextmanager
def line_to(url: str) -> Iterator[Line]:
    parts = urlsplit(url)
    target = (parts.hostname or "", parts.port or 0)
    line = Line(target, Wire(free_ports(1)[0], target))
    try:
        yield line
    finally:
        line.cut()


@pytest.fixture(scope="module")
def site(foreign_rtsp: RtspServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("outages")
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(postgres_running())
        valkey = stack.enter_context(valkey_running(folder))
        database, redis = (stack.enter_context(line_to(url)) for url in (postgres, valkey))
        portal = installation(
            folder / "portal",
            PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
            DATABASE_URL=postgres.replace(f":{database.target[1]}/", f":{database.port}/"),
            REDIS_URL=valkey.replace(f":{redis.target[1]}/", f":{redis.port}/"),
        )
        portal.set_up()
        stack.enter_context(portal.portal())
        stack.enter_context(portal.worker())
        recorder = stack.enter_context(recorder_running(portal, foreign_rtsp, folder / "recorder"))
        yield Site(postgres, portal, recorder, database, redis)


@pytest.fixture
def person(site: Site) -> Browser:
    made = Browser(site.portal)
    assert made.sign_in().status == 302
    return made


def together(*asked: Callable[[], Answer]) -> list[Answer]:
    """Each waits for the same, so they do it at the same time; none for long."""
    with ThreadPoolExecutor(len(asked)) as people:
        answers = list(people.map(lambda ask: ask(), asked))
    assert max(answer.took_s for answer in answers) < LONGEST_S
    return answers


def sign_in_again(person: Browser) -> Answer:
    """With the form that was open before."""
    return Browser(person.portal, {"csrftoken": person.cookies["csrftoken"]}).sign_in()


@pytest.mark.parametrize("way", ["stopped", "silent"])
def test_without_the_database_pages_say_so_and_live_video_goes_on(site, person, way):
    portal = site.portal
    with watching(portal, site.recorder.recorder_id) as watcher:
        site.database.cut() if way == "stopped" else site.database.hold()
        page, signing_in, by_api, ready = together(
            lambda: person.get("/recorders/"),
            lambda: sign_in_again(person),
            lambda: portal.api("recorders/"),
            lambda: portal.ask("/readyz"),
        )
        for answer in (page, signing_in):
            assert (answer.status, answer.headers["retry-after"]) == (503, "5"), answer.text
            assert "the database, does not answer" in answer.text
        assert (by_api.status, by_api.json["code"]) == (503, "service_unavailable")
        assert ready.status == 503
        assert (ready.json["database"][:13], ready.json["redis"]) == ("not available", "ok")
        assert watcher.goes_on()
        site.database.mend() if way == "stopped" else site.database.release()
        wait_until(lambda: person.get("/recorders/").status == 200)
        assert watcher.goes_on()
    wait_until(lambda: set(portal.ready().values()) == {"ok"}, 60)


@pytest.mark.parametrize("way", ["stopped", "silent"])
def test_without_redis_nobody_signs_in_and_the_rest_goes_on(site, person, way):
    portal = site.portal
    with watching(portal, site.recorder.recorder_id) as watcher:
        site.redis.cut() if way == "stopped" else site.redis.hold()
        page, signing_in, _, ready = together(
            lambda: person.get("/recorders/"),
            lambda: sign_in_again(person),
            lambda: portal.api("users/", {"email": f"{way}@portal.test", "name": "New"}),
            lambda: portal.ask("/readyz"),
        )
        assert page.status == 200
        assert (signing_in.status, signing_in.headers["retry-after"]) == (503, "5")
        assert "Redis, does not answer" in signing_in.text
        assert (ready.json["database"], ready.json["redis"][:13]) == ("ok", "not available")
        assert watcher.goes_on()
        site.redis.mend() if way == "stopped" else site.redis.release()
        wait_until(lambda: Browser(portal).sign_in().status == 302)
    wait_until(lambda: set(portal.ready().values()) == {"ok"}, 60)


def test_a_dump_is_the_same_portal_elsewhere(site, person, tmp_path):
    """A backup of PostgreSQL, while the portal runs."""
    made = Path(site.portal.manage("backup", str(tmp_path / "backups")).strip())
    other = site.postgres.rpartition("/")[0] + "/elsewhere"
    subprocess.run(
        [TOOLS / "createdb", f"--maintenance-db={site.postgres}", "elsewhere"], check=True
    )
    restore = [TOOLS / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={other}"]
    subprocess.run([*restore, made / "contera.dump"], check=True)
    moved = installation(tmp_path / "elsewhere", DATABASE_URL=other)
    moved.key = site.portal.key
    moved.folder.mkdir()
    shutil.copytree(made / "keys", moved.folder / "keys")
    shutil.copytree(site.portal.folder / "static", moved.folder / "static")
    with moved.portal():
        is_as_before(moved, Browser(moved, person.cookies), ["Administrators"])
