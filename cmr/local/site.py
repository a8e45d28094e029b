"""The recorder's own site: which address is which page, and who may see it.

Served by the web door alone: nothing here is reachable through a portal or its relay.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from cmr.api.message import ApiError, Response
from cmr.api.routes import Api
from cmr.doors.session_sockets import PATH as SESSION_ADDRESS
from cmr.local.access import BROWSER, PASSWORD_SESSION, LocalAccess
from cmr.local.accounts import AccountError
from cmr.local.html import Markup
from cmr.local.machine import Machine
from cmr.local.onsite_words import list_words, sign_in_words
from cmr.local.pages import sign_in_page
from cmr.local.sessions import LIFETIME_S
from cmr.local.settings_page import enrol_recorder, enrolment_page, save_settings, settings_page
from cmr.local.sign_in import SignInRefused
from cmr.local.static_files import PREFIX, StaticFiles
from cmr.local.status_page import status_page
from cmr.local.video_pages import live_page, recorded_page
from cmr.local.visit import PAGE_HEADERS, Visit, html_answer, is_same_origin, redirect
from cmr.local.who import Who
from protocol.http_message import Request

HOME, SIGN_IN = "/live/", "/sign-in/"
DIRECT_DEADLINE_S = 8
_SESSION_ID = re.compile(r"[0-9a-f]{32}")

Answer = Awaitable[web.StreamResponse]
Handler = Callable[["LocalSite", Visit], Answer]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """What one address answers: by method, for `everybody`, `people` who are signed in, or those
    who may `configure`."""

    handlers: Mapping[str, Handler]
    for_whom: str = "people"


class LocalSite:
    """All pages. `access` knows the accounts, `machine` is the recorder."""

    def __init__(self, machine: Machine, api: Api, access: LocalAccess) -> None:
        self.machine = machine
        self.api = api
        self.access = access
        self._files = StaticFiles()
        # Browsers give cookies to all ports of a host: two recorders there must not mix them up.
        self._cookie = f"contera_{access.key.host_id[:8]}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """The page; None when it is none of the site's. Raises ApiError."""
        path = request.raw_path.partition("?")[0]
        if path.startswith(PREFIX):
            return self._static(request, path)
        page = PAGES.get(path)
        if page is None:
            return None
        handler = page.handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allow = ", ".join(page.handlers)
            fact = f"this address answers {allow} alone"
            raise ApiError(405, "method_not_allowed", fact, headers=(("Allow", allow),))
        with _accounts_readable():
            return await self._answer(request, page, handler)

    async def _answer(
        self, request: web.BaseRequest, page: Page, handler: Handler
    ) -> web.StreamResponse:
        visit = Visit(request, self._who(Visit(request)))
        if request.method == "POST":
            visit.check_own()
        refused = self._refused(visit, page)
        return refused if refused is not None else await handler(self, visit)

    async def authorise(
        self, request: web.BaseRequest, message: Request
    ) -> tuple[Request, Who | None]:
        """The request with a token where it had a password, and whose; raises ApiError."""
        value = message.header("Authorization") or ""
        if value.partition(" ")[0].lower() != "basic":
            return message, None
        is_direct = request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}
        if not is_direct or not _is_own(request):  # over plain http only the latter is said
            raise ApiError(403, "foreign_page", "a page from elsewhere may not use your password")
        with _accounts_readable():
            who = await self.access.with_password(value, request.remote or "")
        token, _ = self.access.token(who, f"{PASSWORD_SESSION} {who.name}")
        kept = [pair for pair in message.headers if pair[0].lower() != "authorization"]
        return replace(message, headers=(*kept, ("Authorization", f"Bearer {token}"))), who

    def sustaining(
        self, who: Who, request: web.BaseRequest, response: Response
    ) -> AbstractAsyncContextManager[None]:
        """Keeps live video going as long as who asked for it with a password may watch it."""
        return self.access.sustaining(who, request.remote or "", response)

    # Who asks.

    def cookie(self, *, is_secure: bool) -> str:
        """A page on https has a cookie of its own, which never goes over http."""
        return f"__Host-{self._cookie}" if is_secure else self._cookie

    def cookies_of(self, visit: Visit) -> list[str]:
        """The session cookies that came with a request."""
        names = [self.cookie(is_secure=False)]
        names += [self.cookie(is_secure=True)] if visit.is_secure else []
        found = (visit.request.cookies.get(name) for name in names)
        return [value for value in found if value]

    def _who(self, visit: Visit) -> Who | None:
        people = (self.access.who(value, visit.address) for value in self.cookies_of(visit))
        return next((who for who in people if who is not None), None)

    def _refused(self, visit: Visit, page: Page) -> web.Response | None:
        if page.for_whom == "everybody":
            return None
        if visit.person is None:
            if visit.request.method in {"GET", "HEAD"}:
                return redirect(SIGN_IN if visit.path == "/" else f"{SIGN_IN}?next={visit.path}")
            raise ApiError(401, "signed_out", "sign in first")
        if page.for_whom == "configure" and not visit.person.may_configure:
            raise ApiError(403, "not_granted", "administrators of this recorder alone may do that")
        return None

    def _static(self, request: web.BaseRequest, address: str) -> web.Response:
        if request.method not in {"GET", "HEAD"}:
            raise ApiError(405, "method_not_allowed", "files are read, no more")
        file = self._files.get(address)
        if file is None:
            raise ApiError(404, "not_found", "this recorder has no such file")
        headers = {
            **PAGE_HEADERS,
            "Cache-Control": "no-cache",
            # Public, and asked for across ports: by the page that waits for a restart.
            "Cross-Origin-Resource-Policy": "cross-origin",
            "ETag": file.etag,
        }
        if request.headers.get("If-None-Match") == file.etag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = file.content_type
        return web.Response(body=file.content, headers=headers)


@contextmanager
def _accounts_readable() -> Iterator[None]:
    """A damaged file of accounts is told, in the log with its name."""
    try:
        yield
    except AccountError as error:
        log.warning("%s", error)
        raise ApiError(503, "accounts_failed", "the accounts cannot be read") from None


# Sign-in.


async def _home(site: LocalSite, visit: Visit) -> web.StreamResponse:
    return redirect(HOME)


async def _show_sign_in(site: LocalSite, visit: Visit) -> web.StreamResponse:
    if visit.person is not None:
        return redirect(HOME)
    return html_answer(_sign_in(site, "", visit.query.get("next", ""), ""))


async def _sign_in_with(site: LocalSite, visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    name, next_ = form.get("name", "").strip(), form.get("next", "")
    try:
        password = form.get("password", "")
        who = await site.access.sign_in.check(name, password, visit.address, BROWSER)
    except SignInRefused as error:
        status = 429 if error.code == "too_many_tries" else 403
        return html_answer(_sign_in(site, name, next_, str(error)), status=status)
    for old in site.cookies_of(visit):
        site.access.sessions.close(old)
    answer = redirect(next_ if next_ in PAGES else HOME)
    value = site.access.sessions.open(who, time.time())
    _set_cookie(site, visit, answer, value, LIFETIME_S[who.kind])
    return answer


async def _sign_out(site: LocalSite, visit: Visit) -> web.StreamResponse:
    for value in site.cookies_of(visit):
        site.access.sessions.close(value)
    answer = redirect(SIGN_IN)
    for is_secure in {False, visit.is_secure}:
        name = site.cookie(is_secure=is_secure)
        answer.del_cookie(name, path="/", secure=is_secure, httponly=True, samesite="Strict")
    return answer


def _sign_in(site: LocalSite, name: str, next_: str, why: str) -> Markup:
    has_accounts = bool(site.access.accounts.all())
    next_ = next_ if next_ in PAGES else ""
    words = sign_in_words(site.access.onsite)
    return sign_in_page(
        site.machine, words, has_accounts=has_accounts, name=name, next_=next_, why=why
    )


def _set_cookie(
    site: LocalSite, visit: Visit, answer: web.Response, value: str, lasts_s: int
) -> None:
    answer.set_cookie(
        site.cookie(is_secure=visit.is_secure),
        value,
        max_age=lasts_s,
        path="/",
        secure=visit.is_secure,
        httponly=True,
        samesite="Strict",
    )


# Pages.


async def _live(site: LocalSite, visit: Visit) -> web.StreamResponse:
    access = site.access.access(visit.who)
    return html_answer(live_page(site.machine, _host_id(site), visit, access))


async def _recorded(site: LocalSite, visit: Visit) -> web.StreamResponse:
    access = site.access.access(visit.who)
    page = await recorded_page(site.machine, site.api, _host_id(site), visit, access)
    return html_answer(page)


async def _status(site: LocalSite, visit: Visit) -> web.StreamResponse:
    access, words = site.access.access(visit.who), list_words(site.access.onsite)
    return html_answer(await status_page(site.machine, visit, access, words))


async def _settings(site: LocalSite, visit: Visit) -> web.StreamResponse:
    return html_answer(settings_page(site.machine, visit))


async def _save_settings(site: LocalSite, visit: Visit) -> web.StreamResponse:
    return await save_settings(site.machine, visit)


async def _enrolment(site: LocalSite, visit: Visit) -> web.StreamResponse:
    return html_answer(enrolment_page(site.machine, visit))


async def _enrol(site: LocalSite, visit: Visit) -> web.StreamResponse:
    return await enrol_recorder(site.machine, visit)


# What the players ask: the same answers as the portal's session API (contracts.md §6).


async def _open_session(site: LocalSite, visit: Visit) -> web.StreamResponse:
    return _json({**_token(site, visit, secrets.token_hex(16)), **_ways(site)}, 201)


async def _renew(site: LocalSite, visit: Visit) -> web.StreamResponse:
    try:
        session_id = str(json.loads(await visit.body())["session_id"])
    except (ValueError, KeyError, TypeError):
        session_id = ""
    if not _SESSION_ID.fullmatch(session_id):
        raise ApiError(400, "bad_session", "session_id names no session")
    return _json(_token(site, visit, session_id), 200)


def _token(site: LocalSite, visit: Visit, session_id: str) -> dict[str, Any]:  # Any: JSON
    token, expires_at = site.access.token(visit.who, session_id)
    return {
        "session_id": session_id,
        "token": token,
        "expires_at": expires_at,
        "renew_after_s": site.access.renew_after_s(visit.who),
    }


def _ways(site: LocalSite) -> dict[str, Any]:  # Any: JSON
    host = site.api.host
    if host is None:
        raise ApiError(503, "not_ready", "this recorder has no key yet")
    signer, host_id = host
    offer = {
        "path": "direct",
        "via": "sealed_socket",
        "urls": [SESSION_ADDRESS],
        "url": SESSION_ADDRESS,
        "deadline_s": DIRECT_DEADLINE_S,
        "reason": "This page comes from the recorder itself.",
        "host_id": host_id,
        "host_key": signer.jwk,
    }
    return {"recorder_id": host_id, "offers": [offer], "control": None, "not_offered": []}


def _is_own(request: web.BaseRequest) -> bool:
    """Whether no page, or one of ours, asks."""
    origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    is_secure = Visit(request).is_secure
    return origin is None or is_same_origin(origin, host, is_secure=is_secure)


def _host_id(site: LocalSite) -> str:
    host = site.api.host
    return "" if host is None else host[1]


def _json(body: dict[str, Any], status: int) -> web.Response:  # Any: JSON
    headers = {**PAGE_HEADERS, "Content-Type": "application/json"}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers)


PAGES: dict[str, Page] = {
    "/": Page({"GET": _home}),
    SIGN_IN: Page({"GET": _show_sign_in, "POST": _sign_in_with}, "everybody"),
    "/sign-out/": Page({"POST": _sign_out}, "everybody"),
    "/live/": Page({"GET": _live}),
    "/recorded/": Page({"GET": _recorded}),
    "/status/": Page({"GET": _status}),
    "/settings/": Page({"GET": _settings, "POST": _save_settings}, "configure"),
    "/enrolment/": Page({"GET": _enrolment, "POST": _enrol}, "configure"),
    "/local/session": Page({"POST": _open_session}),
    "/local/token": Page({"POST": _renew}),
}
