"""The recorder's own pages: who sees what, and what other pages can do to them."""

from __future__ import annotations

import json
import re
import socket

import aiohttp
import pytest

from cmr.api.door import RELAY, SESSION, WEB
from cmr.identity import load_identity
from cmr.local.site import PAGES
from cmr.local.static_files import StaticFiles
from cmr.local.who import LocalPerson
from protocol.http_message import Request
from protocol.tokens import Signer
from tests.cmr.doors.test_web import send_raw
from tests.cmr.local.conftest import ADMIN, GUEST, Site, own, sign_in
from tests.fakes.portal import ScriptedPortal
from tests.viewers.sealed import sealed_session

NO_REDIRECTS = {"allow_redirects": False}


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/sign-in/"])
async def test_nobody_sees_a_page_without_signing_in(
    site: Site, visitor: aiohttp.ClientSession, path: str
) -> None:
    for method in PAGES[path].handlers:
        url = f"{site.http}{path}"
        answer = await visitor.request(method, url, headers=own(url), **NO_REDIRECTS)
        if method == "GET":
            assert answer.headers["Location"].startswith("/sign-in/")
        else:
            assert answer.status == (303 if path == "/sign-out/" else 401)
            assert "WWW-Authenticate" not in answer.headers  # no window of the browser's own
        assert "Tor" not in await answer.text()


@pytest.mark.parametrize(
    "path", [path for path, page in PAGES.items() if page.for_whom == "configure"]
)
async def test_viewers_do_not_reach_what_changes_the_recorder(
    site: Site, visitor: aiohttp.ClientSession, path: str
) -> None:
    await sign_in(visitor, site.http, GUEST)
    for method in ("GET", "POST"):
        answer = await visitor.request(method, site.http + path, headers=own(site.http))
        assert answer.status == 403
    assert site.machine.restarts == []


@pytest.mark.parametrize("path", ["/live/", "/recorded/", "/status/"])
async def test_names_are_text(site: Site, visitor: aiohttp.ClientSession, path: str) -> None:
    """K4, B1."""
    await sign_in(visitor, site.http)
    text = await (await visitor.get(site.http + path)).text()
    assert "<b>" not in text
    assert "<script>" not in text.replace('<script src="/static/js/theme.js"></script>', "")
    assert "Tor &lt;b&gt;&amp;&quot;&#x27;" in text
    assert "Gate &lt;script&gt;" in text


async def test_pages_run_nothing_from_elsewhere_and_stand_in_no_frame(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    """B1: clickjacking."""
    for path in ("/sign-in/", "/live/"):
        answer = await visitor.get(site.http + path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        text = await answer.text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=|https?://", text)


FOREIGN = [
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "same-site"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_other_pages_cannot_ask_in_a_persons_name(
    site: Site, visitor: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """Cross-site request forgery, also from another port of this machine."""
    await sign_in(visitor, site.http)
    for path, page in PAGES.items():
        if "POST" in page.handlers:
            answer = await visitor.post(site.http + path, headers=headers, data={"a": "b"})
            assert (answer.status, (await answer.json(content_type=None))["code"]) == (
                403,
                "foreign_page",
            )
    assert (await visitor.get(f"{site.http}/live/", **NO_REDIRECTS)).status == 200
    assert site.machine.restarts == []


async def test_a_page_without_https_cannot_ask_by_https(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    """Whoever stands between wrote it; on the streaming port both have the same host and port."""
    await sign_in(visitor, site.both.replace("http:", "https:"))
    url, headers = f"{site.both.replace('http:', 'https:')}/settings/", own(site.both)
    assert (await visitor.post(url, headers=headers, data={"a": "b"})).status == 403


TRAVERSALS = [
    "/static/../cmr.toml",
    "/static/js/../../cmr/config.py",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static//etc/passwd",
    "/static/js/..%2f..%2fcmr.toml",
    "/static/js\\..\\..\\cmr.toml",
    "/static/",
    "/static/js",
]


@pytest.mark.parametrize("target", TRAVERSALS)
async def test_static_files_are_those_of_the_list_alone(site: Site, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await send_raw(site.http, request.encode())
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))


async def test_static_files_are_asked_for_again_and_not_sent_twice(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    url = f"{site.http}/static/js/live_page.js"
    first = await visitor.get(url)
    assert first.content_type == "text/javascript"
    again = await visitor.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, first.headers["Cache-Control"]) == (304, "no-cache")


async def test_every_file_a_page_names_is_there(site: Site, visitor: aiohttp.ClientSession) -> None:
    files = StaticFiles()
    await sign_in(visitor, site.http)
    for path in ("/live/", "/recorded/", "/status/", "/settings/", "/enrolment/"):
        text = await (await visitor.get(site.http + path)).text()
        named = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', text))
        # The sprite is made by `make static`.
        assert not {name for name in named if name not in files} - {"/static/vendor/icons.svg"}
        assert named


async def test_the_session_of_https_never_goes_over_http(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    cookie = (await sign_in(visitor, site.https)).headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"))
    plain = (await sign_in(visitor, site.http)).headers["Set-Cookie"]
    assert "Secure" not in plain
    assert all(word in plain for word in ("HttpOnly", "SameSite=Strict"))


async def test_who_signed_in_on_http_is_signed_in_on_every_port(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    await sign_in(visitor, site.http)
    for url in (site.http, site.https, site.both, site.streaming):
        assert (await visitor.get(f"{url}/live/", **NO_REDIRECTS)).status == 200


async def test_signing_out_ends_the_session_here_too(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    await sign_in(visitor, site.http)
    copied = {c.key: c.value for c in visitor.cookie_jar}
    await visitor.post(f"{site.http}/sign-out/", headers=own(site.http), **NO_REDIRECTS)
    async with aiohttp.ClientSession(cookies=copied) as thief:
        assert (await thief.get(f"{site.http}/live/", **NO_REDIRECTS)).status == 303


async def test_a_new_password_ends_sessions(site: Site, visitor: aiohttp.ClientSession) -> None:
    await sign_in(visitor, site.http)
    site.access.accounts.set_password("admin", "another battery")
    assert (await visitor.get(f"{site.http}/live/", **NO_REDIRECTS)).status == 303


async def test_a_made_up_cookie_is_nobody(site: Site, visitor: aiohttp.ClientSession) -> None:
    await sign_in(visitor, site.http)
    name, value = next((c.key, c.value) for c in visitor.cookie_jar)
    for forged in ("", "x", "x.y", value[:-1], f"a{value}", "é", "." * 4000):
        headers = {"Cookie": f"{name}={forged}"}
        async with aiohttp.ClientSession() as other:
            answer = await other.get(f"{site.http}/live/", headers=headers, **NO_REDIRECTS)
            assert answer.status == 303


@pytest.mark.parametrize("next_", ["https://evil.test/", "//evil.test", "/status/\r\nX: y", "x"])
async def test_signing_in_leads_to_our_own_pages_alone(
    site: Site, visitor: aiohttp.ClientSession, next_: str
) -> None:
    fields = {"name": ADMIN[0], "password": ADMIN[1], "next": next_}
    url = f"{site.http}/sign-in/"
    answer = await visitor.post(url, data=fields, headers=own(url), **NO_REDIRECTS)
    assert answer.headers["Location"] == "/live/"


async def test_settings_are_saved_with_comments_and_the_recorder_starts_again(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    await sign_in(visitor, site.http)
    form = await _settings(site, visitor, **{"recorder.name": "Quay", "web.https_port": "0"})
    answer = await visitor.post(f"{site.http}/settings/", data=form, headers=own(site.http))
    assert "Saved: Name, https port." in await answer.text()
    assert [config.name for config in site.machine.restarts] == ["Quay"]
    text = site.machine.config.file.read_text()
    assert text.startswith('# mine\n[web]\nhost = "127.0.0.1"\nport = 8080 # plain\n')


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("web.https_port", "99999", "https port: must be 1 to 65535"),
        ("web.https_port", "x", "https port: must be a number"),
        ("web.host", "a b", "Address: "),
        ("web.host", "192.0.2.1", "192.0.2.1 cannot be used: Cannot assign"),
        ("web.certificate", "/nowhere.pem", "Key file: is missing"),
        ("proxy.url", "ftp://x", "Address: must be like http://"),
        ("proxy.user", "me", "Address: is missing"),
    ],
)
async def test_a_setting_that_cannot_be_is_told_and_nothing_changes(
    site: Site, visitor: aiohttp.ClientSession, name: str, value: str, words: str
) -> None:
    await sign_in(visitor, site.http)
    before = site.machine.config.file.read_text()
    form = await _settings(site, visitor, **{name: value})
    answer = await visitor.post(f"{site.http}/settings/", data=form, headers=own(site.http))
    assert answer.status == 422
    assert words in await answer.text()
    assert (site.machine.config.file.read_text(), site.machine.restarts) == (before, [])


async def test_a_taken_port_is_refused_before_it_is_written(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    await sign_in(visitor, site.http)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        form = await _settings(site, visitor, **{"web.port": str(taken.getsockname()[1])})
        answer = await visitor.post(f"{site.http}/settings/", data=form, headers=own(site.http))
    assert "cannot be used: Address already in use" in await answer.text()
    assert site.machine.restarts == []


@pytest.mark.parametrize("registration", ["not registered"], indirect=True)
async def test_the_recorder_is_registered_by_its_page(
    site: Site, visitor: aiohttp.ClientSession, portal: Signer
) -> None:
    await sign_in(visitor, site.http)
    scripted, url = ScriptedPortal(portal), f"{site.http}/enrolment/"
    async with scripted.running():
        for code, status in (("BAD", 422), (scripted.code, 200)):
            form = {"portal": scripted.url, "code": code}
            answer = await visitor.post(url, data=form, headers=own(url))
            assert answer.status == status
    assert "Registered as" in await answer.text()
    identity = load_identity(site.machine.config.folder)
    assert identity is not None
    assert identity.portal_url == scripted.url
    assert len(site.machine.restarts) == 1


async def test_a_registration_is_not_given_up_by_the_way(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    await sign_in(visitor, site.http)
    form, url = {"portal": "http://127.0.0.1:9", "code": "X"}, f"{site.http}/enrolment/"
    answer = await visitor.post(url, data=form, headers=own(url))
    assert (answer.status, site.machine.restarts) == (422, [])
    assert "say that this shall be given up" in await answer.text()


async def test_damaged_accounts_are_told_and_let_nobody_in(
    site: Site, visitor: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    await sign_in(visitor, site.http)
    (site.machine.config.folder / "accounts.json").write_text("{")
    for answer in (
        await visitor.get(f"{site.http}/live/"),
        await visitor.get(f"{site.http}/v1/", headers={"Authorization": "Basic YTpi"}),
    ):
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (
            503,
            "accounts_failed",
        )
    assert "accounts.json: is damaged" in caplog.text


async def _settings(site: Site, visitor: aiohttp.ClientSession, **changes: str) -> dict[str, str]:
    """The form as it is shown, with changes."""
    text = await (await visitor.get(f"{site.http}/settings/")).text()
    fields = dict(re.findall(r'<input id="[^"]+" name="([^"]+)" value="([^"]*)"', text))
    return {**fields, "p2p.enabled": "on", "proxy.scheme": "null", **changes}


@pytest.mark.parametrize("registration", ["registered", "not registered"], indirect=True)
async def test_a_player_gets_video_through_the_page_without_any_portal(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    """The portal's session API, answered by the recorder; then the sealed socket."""
    await sign_in(visitor, site.http, GUEST)
    headers = {**own(site.http), "Content-Type": "application/json"}
    answer = await visitor.post(
        f"{site.http}/local/session", data='{"path": "auto"}', headers=headers
    )
    granted = await answer.json()
    offer = granted["offers"][0]
    assert (answer.status, offer["path"], offer["urls"]) == (201, "direct", ["/v1/session"])
    page = await (await visitor.get(f"{site.http}/live/")).text()
    assert f'data-recorder="{granted["recorder_id"]}"' in page
    url = site.http.replace("http", "ws") + offer["urls"][0]
    async with sealed_session(url, offer["host_id"], offer["host_key"]) as session:
        await session.renew(granted["token"])
        status, about = await session.ask("/v1/")
        assert (status, json.loads(about)["recorder_id"]) == (200, granted["recorder_id"])
    body = json.dumps({"session_id": granted["session_id"]})
    again = await visitor.post(f"{site.http}/local/token", data=body, headers=headers)
    assert (await again.json())["renew_after_s"] == granted["renew_after_s"]


async def test_local_tokens_are_good_at_the_recorders_own_doors_alone(site: Site) -> None:
    account = site.access.accounts.get("admin")
    assert account is not None
    token, _ = site.access.token(LocalPerson(account), "0" * 32)
    request = Request("GET", "/v1/cameras", (("Authorization", f"Bearer {token}"),))
    statuses = [(await site.api.handle(request, door)).status for door in (WEB, SESSION, RELAY)]
    assert statuses == [200, 200, 401]


async def test_no_page_is_ever_reached_through_the_relay(site: Site) -> None:
    """B1: a recorder's page never runs in the portal's origin."""
    for path in (*PAGES, "/static/js/live_page.js"):
        for method in ("GET", "POST"):
            assert (await site.api.handle(Request(method, path, ()), RELAY)).status == 404
