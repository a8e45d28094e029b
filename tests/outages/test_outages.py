"""D2: a part of the portal is stopped or silent. Pages say so within bounded time, live video goes
on, and everything recovers without a restart. The real programs against PostgreSQL, Redis, S3 and a
mail server; one installation for all, because it takes half a minute to start."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.times import format_time, parse_time
from tests.outages.busy import busy
from tests.outages.installation import Answer, Browser, Installation, wait_until
from tests.outages.planted import found_in, places, plant
from tests.outages.recorder import watching
from tests.outages.restored import is_as_before
from tests.outages.site import PLANTED, TOOLS, Site, site_running, with_password
from tests.services.postgres import postgres_running
from tests.services.rtsp import RtspServer

LONGEST_S = 10.0  # a worker that hangs longer is one that nobody else gets


@pytest.fixture(scope="module")
def site(foreign_rtsp: RtspServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_running(foreign_rtsp, tmp_path_factory.mktemp("outages")) as made:
        yield made


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


def keep(site: Site, title: str) -> str:
    """An incident of three seconds that are surely on disk; its address in the API."""
    end = datetime.now(UTC) - timedelta(seconds=6)
    [camera] = site.portal.api(f"recorders/{site.recorder.recorder_id}/cameras/").json
    times = {"start": format_time(end - timedelta(seconds=3)), "end": format_time(end)}
    made = site.portal.api("incidents/", {"title": title, "camera_ids": [camera["id"]], **times})
    assert made.status == 201, made.text
    return f"incidents/{made.json['id']}/"


def export_of(site: Site, incident: str) -> dict:
    export: dict = site.portal.api(f"{incident}exports/").json[0]
    return export


def records(site: Site) -> bool:
    [camera] = site.portal.api(f"recorders/{site.recorder.recorder_id}/cameras/").json
    begun = camera["recorded_from"]
    return bool(begun) and parse_time(begun) < datetime.now(UTC) - timedelta(seconds=10)


def test_without_storage_and_mail_server_jobs_wait_and_go_on_by_themselves(site, person):
    """Each mail arrives once."""
    wait_until(lambda: records(site))
    before = keep(site, "Before")
    wait_until(lambda: export_of(site, before)["state"] == "done")
    done = export_of(site, before)
    clip = f"/exports/{done['id']}/clips/{done['clips'][0]['id']}.mp4"
    assert person.get(clip).status == 200
    whitelist = f"/recorders/{site.recorder.recorder_id}/whitelist/"
    with watching(site.portal, site.recorder.recorder_id) as watcher:
        site.storage.stop()
        site.mail.stop()
        during = keep(site, "During")
        person.get(whitelist)
        asked = person.post(whitelist, recipient="network@customer.test", message="")
        assert asked.status == 302, asked.text
        [lost] = together(lambda: person.get(clip))
        assert lost.status == 503
        assert "storage service cannot be reached" in lost.text
        wait_until(lambda: "storage service cannot be reached" in person.get(f"/{during}").text)
        wait_until(lambda: "mail server does not accept" in person.get(whitelist).text)
        assert watcher.goes_on()
        site.mail.start()
        site.storage.start()
    wait_until(lambda: export_of(site, during)["state"] == "done", 60)
    assert person.get(clip).status == 200
    wait_until(lambda: len(subjects(site, "network@customer.test")) == 1, 60)
    wait_until(lambda: len(subjects(site, "“During”")) == 1)
    assert len(subjects(site, "“Before”")) == 1


def subjects(site: Site, words: str) -> list[str]:
    """Of mails with these words in subject or address."""
    about = [f"{mail['Subject']} {mail['To']}" for mail in site.mail.messages]
    return [line for line in about if words in line]


def test_a_dump_under_load_is_the_same_portal_elsewhere(site, person, tmp_path):
    """Everything that was answered before it began is there, in another PostgreSQL; the recorder
    comes back untouched."""
    with busy(site.portal) as written:
        before = list(written)
        made = Path(site.portal.manage("backup", str(tmp_path / "backups")).strip())
        assert len(written) > len(before)
    with site.portal_lost(), postgres_running() as other:
        elsewhere = restored(made / "contera.dump", other)
        environment = {**site.portal.environment, "DATABASE_URL": elsewhere, "REDIS_URL": ""}
        moved = Installation(tmp_path / "elsewhere", site.portal.port, environment, site.portal.key)
        moved.folder.mkdir(mode=0o700)
        shutil.copytree(made / "keys", moved.folder / "keys")
        shutil.copytree(site.portal.folder / "static", moved.folder / "static")
        with moved.portal():
            is_as_before(moved, Browser(moved, person.cookies), before)
            with watching(moved, site.recorder.recorder_id) as watcher:
                assert watcher.goes_on(20)


def restored(dump: Path, postgres: str) -> str:
    """The address of a new database there that has the dump's rows."""
    created = [TOOLS / "createdb", f"--maintenance-db={postgres}", "elsewhere"]
    subprocess.run(created, check=True)
    other = postgres.rpartition("/")[0] + "/elsewhere"
    restore = [TOOLS / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={other}"]
    subprocess.run([*restore, dump], check=True)
    return with_password(other)


def test_planted_secrets_appear_nowhere(site, tmp_path):
    """After all that went wrong above: not in logs at DEBUG, pages, the API, the list of processes,
    Redis or a backup of the database."""
    secrets = {**PLANTED, **plant(site, tmp_path)}
    looked_at = places(site, secrets["key"], tmp_path / "backups")
    assert found_in(looked_at, secrets) == []
