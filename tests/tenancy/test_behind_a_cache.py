"""A3, A4: what people ask for, through a real nginx that keeps and logs all it may: nobody else is
answered with it, and an address that was copied, or read in the log, opens nothing.

Portal, recorder, relay and export are real.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.urls import reverse
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from accounts import email_change, invitations
from accounts.audit import PORTAL, Actor
from accounts.password_links import password_link
from accounts.services import add_person
from cmr.api.message import Response
from incidents.jobs.export_run import run_export
from incidents.services import NewIncident, create_incident
from incidents.storage import open_storage
from protocol.session import SUBPROTOCOL, MessageType, encode
from protocol.tokens import ACCESS_LIFETIME_S, LEEWAY_S
from streaming.services import issue_token
from tests.cmr.conftest import recorded
from tests.conftest import make_recorder
from tests.services.nginx import CACHED, Nginx, caching_nginx
from tests.streaming.real_site import RealSite, running_site
from tests.tenancy.served import running_portal
from tests.tenancy.walk import browser, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

OWNERS_WORDS = (b"Harbour", b"Gate", b"harbour.test", b"Broken window")
NEW_PASSWORD = dict.fromkeys(
    ("password1", "password2", "new_password1", "new_password2"), "another long password"
)
WEB = urllib3.PoolManager(retries=False, timeout=10)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any  # urllib3's
    body: bytes

    @property
    def is_kept(self) -> bool:
        """From nginx's own store."""
        return self.headers.get(CACHED) in ("HIT", "STALE", "UPDATING", "REVALIDATED")

    @property
    def names(self) -> list[bytes]:
        """What it tells of the owner's organisation."""
        return [word for word in OWNERS_WORDS if word in self.body]


@dataclass(frozen=True)
class Visitor:
    """Whoever asks: with the cookie of a session, an access token, or nothing."""

    origin: str
    cookie: str = ""
    token: str = ""

    def get(self, address: str, **headers: str) -> Answer:
        """All of it; of live video, which has no end, the first bytes."""
        if self.cookie:
            headers["Cookie"] = f"sessionid={self.cookie}"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{self.origin}{address}"
        answer = WEB.request("GET", url, headers=headers, redirect=False, preload_content=False)
        body = answer.read1() if "/live?" in address else answer.read()
        answer.close()
        return Answer(answer.status, answer.headers, body)


def cookie_of(person: Any) -> str:
    return signed_in(person).cookies["sessionid"].value


# --- What runs ------------------------------------------------------------------------------------


@pytest.fixture
def start() -> datetime:
    """When the recorder's three seconds of footage began."""
    return datetime.fromtimestamp(int(time.time()) - 600, UTC)


@pytest.fixture
def site(recorder: Any, start: datetime) -> Iterator[RealSite]:
    with running_site(str(recorder.pk), segments=recorded(int(start.timestamp()))) as made:
        yield made


@pytest.fixture
def origins(site: RealSite) -> Iterator[ExitStack]:
    """Closing it takes the portal away from nginx, and leaves nginx."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def nginx(tmp_path: Path, site: RealSite, origins: ExitStack) -> Iterator[Nginx]:
    relay = int(site.relay.url.rpartition(":")[2])
    portal = origins.enter_context(running_portal())
    with caching_nginx(tmp_path / "nginx", {"/": portal, "/relay/": relay}) as made:
        yield made


@pytest.fixture
def export(
    settings: Any, tmp_path: Path, site: RealSite, owner: Any, cameras: Any, start: datetime
) -> Iterator[Any]:
    """One that is stored, with the clip of camera 1."""
    settings.CONTERA_STORAGE = f"file://{tmp_path / 'exports'}"
    settings.CONTERA_RELAY_URLS = [site.relay.url]
    open_storage.cache_clear()
    wanted = NewIncident("Broken window", cameras[:1], start, start + timedelta(seconds=3))
    actor = Actor(owner, owner.login)
    made = create_incident(owner, wanted, actor, timezone.now()).exports.get()
    run_export(made.pk)
    made.refresh_from_db()
    assert made.state == "done"
    yield made
    open_storage.cache_clear()


# --- What is asked for ----------------------------------------------------------------------------

SHARED = ("recorders", "people", "audit", "account", "live")
SHARED_API = ("api-me", "api-recorders", "api-users", "api-audit", "api-incidents")
TABLES = ("audit-csv", "audit-json", "people-download")
OF_RECORDER = ("recorder", "whitelist-csv", "api-recorder", "api-whitelist-csv")
OF_EXPORT = ("export-manifest", "export-signature", "export-archive")
OF_EXPORT_API = ("api-manifest", "api-signature", "api-archive")
OF_CLIP = ("export-clip", "api-export-clip")


def by_session(recorder: Any, viewer: Any, export: Any) -> list[str]:
    """Pages, API, and every kind of file that a session opens."""
    stored = {"export_id": export.pk}
    clip = {**stored, "clip_id": export.clips.get().pk}
    return [
        *(reverse(name) for name in (*SHARED, *SHARED_API, *TABLES)),
        *(reverse(name, args=[recorder.pk]) for name in OF_RECORDER),
        *(reverse(name, kwargs=stored) for name in (*OF_EXPORT, *OF_EXPORT_API)),
        *(reverse(name, kwargs=clip) for name in OF_CLIP),
        reverse("incident", args=[export.incident_id]),
        reverse("person-access-csv", args=[viewer.pk]),
    ]


def by_token(start: datetime) -> list[str]:
    """Every kind of address that video has, below a recorder's."""
    first, last = (f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in (start, start + timedelta(seconds=3)))
    camera = "/v1/cameras/1"
    return [
        "/v1/cameras",
        f"{camera}/live?profile=hd",
        f"{camera}/snapshot.jpg",
        f"{camera}/snapshot.jpg?time={last}",
        f"{camera}/recordings?start={first}&end={last}",
        f"{camera}/video?start={first}&duration=3",
        f"{camera}/clip.mp4?start={first}&end={last}",
    ]


def below_relay(recorder: Any, addresses: list[str]) -> list[str]:
    return [f"/relay/v1/recorders/{recorder.pk}{address}" for address in addresses]


# --- Caches and logs ------------------------------------------------------------------------------


@pytest.fixture
def others(nginx: Nginx, stranger: Any) -> dict[str, Visitor]:
    foreign = make_recorder(stranger.memberships.get().organisation, "Foreign")
    token = issue_token(stranger, foreign, "s", timezone.now()).text
    return {
        "nobody": Visitor(nginx.url),
        "a stranger": Visitor(nginx.url, cookie=cookie_of(stranger)),
        "a stranger with a token": Visitor(nginx.url, token=token),
    }


@pytest.fixture
def mine(nginx: Nginx, owner: Any, recorder: Any) -> Visitor:
    token = issue_token(owner, recorder, "s", timezone.now()).text
    return Visitor(nginx.url, cookie_of(owner), token)


@pytest.fixture
def asked(recorder: Any, viewer: Any, export: Any, start: datetime) -> list[str]:
    return by_session(recorder, viewer, export) + below_relay(recorder, by_token(start))


def test_nobody_else_gets_what_somebody_asked_for(
    nginx: Nginx,
    origins: ExitStack,
    mine: Visitor,
    others: dict[str, Visitor],
    asked: list[str],
) -> None:
    """A3, A4: neither from the cache, nor by the addresses in the log, nor when the portal is
    gone."""
    colours = reverse("branding-colours", args=["0b6a86", "58c1de"])
    assert [Visitor(nginx.url).get(colours).is_kept for _ in range(2)] == [False, True]
    given = {}
    for address in asked:
        answer = mine.get(address)
        assert (answer.status, answer.is_kept) == (200, False), address
        assert not mine.get(address, Range="bytes=0-99").is_kept, address
        given[address] = answer.body
    for who, other in others.items():
        for address in asked:
            answer = other.get(address)
            assert not answer.is_kept, (who, address)
            assert answer.names == [], (who, address)
            assert answer.body != given[address], (who, address)
    assert nginx.addresses() == [colours, *asked]
    log = nginx.log.read_text()
    assert mine.cookie not in log
    assert mine.token not in log
    origins.close()
    gone = {mine.get(address).status for address in asked if not address.startswith("/relay/")}
    assert gone == {502}


def test_links_in_the_log_open_nothing_once_they_were_used(
    nginx: Nginx, owner: Any, viewer: Any, stranger: Any, settings: Any
) -> None:
    """A3: what opens something for whoever has it stands in the address of no page, and works
    once. The link to a new e-mail address is of use to its person alone."""
    organisation = owner.memberships.get().organisation
    invited = add_person(organisation, "new@harbour.test", "New", [], PORTAL)
    links = {
        invitations.link_of(invited): browser(),
        password_link(viewer): browser(),
        email_change.link_of(owner, "owner@elsewhere.test"): signed_in(owner),
    }
    addresses = [link.removeprefix(settings.CONTERA_BASE_URL) for link in links]
    found = [Visitor(nginx.url).get(address) for address in addresses]
    assert [answer.status for answer in found] == [302] * 3
    for address, answer, client in zip(addresses, found, links.values(), strict=True):
        next_page = answer.headers["Location"]
        assert address.rstrip("/").rpartition("/")[2] not in next_page or "login" in next_page
        page = client.get(address).headers.get("Location", address)
        assert client.post(page, NEW_PASSWORD).status_code == 302, page
    assert nginx.addresses() == addresses
    for address in addresses:
        for cookie in ("", cookie_of(stranger), cookie_of(owner)):
            answer = Visitor(nginx.url, cookie).get(address)
            is_to_login = answer.headers.get("Location", "").startswith("/accounts/login/")
            assert is_to_login or answer.status in {200, 404}, address
            assert b'type="password"' not in answer.body, address


def test_a_recorder_makes_no_cache_keep_anything(tmp_path: Path, recorder: Any, owner: Any) -> None:
    """A3, R12: nor does it make nginx answer with another address."""
    kind = ("Content-Type", "application/json")
    wishes = (
        ("Cache-Control", "public, max-age=3600"),
        ("Expires", "Thu, 31 Dec 2037 23:55:55 GMT"),
        ("X-Accel-Expires", "3600"),
        ("X-Accel-Redirect", "/elsewhere"),
        ("Set-Cookie", "sessionid=planted"),
    )

    async def answer(*_: Any) -> Response:
        return Response(200, (kind, *wishes), b'{"name": "Gate"}')

    with running_site(str(recorder.pk), answer) as site:
        port = int(site.relay.url.rpartition(":")[2])
        with caching_nginx(tmp_path / "nginx", {"/": port}) as nginx:
            token = issue_token(owner, recorder, "s", timezone.now()).text
            [address] = below_relay(recorder, ["/v1/cameras"])
            for _ in range(2):
                found = Visitor(nginx.url, token=token).get(address)
                assert (found.status, found.is_kept) == (200, False)
                assert found.headers["Cache-Control"] == "no-store"
                assert not {name for name, _ in wishes[1:]} & set(found.headers)
            assert Visitor(nginx.url).get(address).status == 401


# --- Copied addresses of video --------------------------------------------------------------------


def test_an_address_of_video_is_worth_what_the_token_beside_it_is(
    nginx: Nginx, site: RealSite, start: datetime, owner: Any, viewer: Any, recorder: Any
) -> None:
    """A4: at the relay and at the recorder's own door: nothing without it, for another recorder, or
    when it is over."""
    now = timezone.now()
    over = now - timedelta(seconds=ACCESS_LIFETIME_S + LEEWAY_S + 1)
    foreign = make_recorder(recorder.organisation, "Foreign")
    tokens = {
        "": 401,
        "a.b.c": 401,
        issue_token(owner, recorder, "s", over).text: 401,
        issue_token(owner, foreign, "s", now).text: 404,
    }
    doors = {nginx.url: below_relay(recorder, by_token(start))}
    doors[f"http://127.0.0.1:{site.web_port}"] = by_token(start)
    for origin, addresses in doors.items():
        for token, status in tokens.items():
            found = {Visitor(origin, token=token).get(address).status for address in addresses}
            assert found <= {status, 401}, (origin, token)


def test_the_address_of_a_session_opens_nothing(nginx: Nginx, recorder: Any) -> None:
    """A4: a request, or an old token, instead of a good one."""
    [path] = below_relay(recorder, ["/session"])
    request = encode(MessageType.REQUEST, 1, b"GET /v1/cameras HTTP/1.1\r\n\r\n")
    for message, code in ((request, 4400), (encode(MessageType.RENEW, 0, b"a.b.c"), 4401)):
        with connect(f"ws://localhost:{nginx.port}{path}", subprotocols=[SUBPROTOCOL]) as socket:
            socket.send(message)
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=5)
            assert socket.close_code == code
