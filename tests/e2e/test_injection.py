"""B1: markup, script and text that turns around in every name, in a real browser. Nothing of it
runs, nothing of it is even tried, and mails have no header more."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Request

from tests.outages.installation import Installation, installation
from tests.services.smtp import MailServer, smtp_running

SHORT = "<img src=/ran onerror=ran()>"
MARKUP = f"\"'></title><script>ran()</script>{SHORT}"
TABLE = f"email,name,groups\n=ran()@x.test,{SHORT},{SHORT}\n".encode()
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='ran()'><script>ran()</script></svg>"
MAIL_HEADERS = {
    *("Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID"),
    "Auto-Submitted",
    "Reply-To",
}
PLANT = """
import contera.celery, django
django.setup()
from tests.e2e.hostile import main
main()
"""
WATCH = """
addEventListener("securitypolicyviolation",
    (it) => saw(`${location.pathname}: ${it.violatedDirective} ${it.blockedURI} ${it.sample}`));
"""


@dataclass
class Hostile:
    portal: Installation
    cookie: str
    addresses: list[str]
    mails: list[EmailMessage]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """All of it in one portal, with what it sent."""
    with smtp_running() as smtp:
        portal = _set_up(tmp_path_factory.mktemp("hostile") / "portal", smtp)
        facts = json.loads(portal.run(PLANT))
        with portal.portal():
            yield Hostile(portal, facts["cookie"], facts["addresses"], smtp.messages)


def _set_up(folder: Path, smtp: MailServer) -> Installation:
    folder.mkdir(mode=0o700)
    return installation(folder, EMAIL_URL=smtp.url)


@dataclass
class Watched:
    """A page, and everything that ran or was tried there."""

    page: Page
    found: list[str] = field(default_factory=list)

    @classmethod
    def opened(cls, context: BrowserContext) -> Watched:
        context.add_init_script(WATCH)
        made = cls(context.new_page())
        page = made.page
        page.expose_function("saw", made.saw)
        page.expose_function("ran", lambda: made.found.append(f"{page.url}: it ran"))
        page.on("dialog", lambda dialog: made.found.append(f"{page.url}: {dialog.message}"))
        page.on("pageerror", lambda error: made.found.append(f"{page.url}: {error}"))
        page.on("request", made.note)
        return made

    def saw(self, what: str) -> None:
        self.found.append(what)

    def note(self, request: Request) -> None:
        if request.url.endswith("/ran"):
            self.found.append(f"{self.page.url}: its picture was asked for")

    def shows(self, address: str) -> bool:
        """Whether the page has something hostile as text."""
        with contextlib.suppress(Error):  # a file, which is no page
            self.page.goto(address)
        return "onerror=ran()" in self.page.locator("body").inner_text()


def test_nothing_that_somebody_called_something_runs(hostile: Hostile, browser: Browser) -> None:
    """Every page of an administrator, with a browser whose own name is hostile too."""
    context = browser.new_context(base_url=hostile.portal.url, user_agent=MARKUP)
    watched = Watched.opened(context)
    cookie = {"name": "sessionid", "value": hostile.cookie, "url": hostile.portal.url}
    context.add_cookies([cookie])
    shown = [address for address in hostile.addresses if watched.shows(address)]
    for address in ("/users/?q=", "/recorders/?q=", "/audit/?person=", "/live/?cameras=", "/"):
        watched.page.goto(f"{address}{MARKUP}")
    upload(watched.page, "/users/upload/", f"{MARKUP}.csv", "text/csv", TABLE)
    upload(watched.page, "/organisation/branding/", f"{SHORT}.png", "image/png", SVG)
    assert "SVG files can hold programs" in watched.page.locator("body").inner_text()
    assert watched.found == []
    assert len(shown) > len(hostile.addresses) * 0.8, set(hostile.addresses) - set(shown)
    context.close()


def test_what_runs_would_be_seen(hostile: Hostile, browser: Browser) -> None:
    """The same markup, written into a page: the policy holds it back, and we hear of it."""
    context = browser.new_context(base_url=hostile.portal.url)
    watched = Watched.opened(context)
    watched.page.goto("/accounts/login/")
    watched.page.evaluate("it => document.body.insertAdjacentHTML('beforeend', it)", SHORT)
    deadline = time.monotonic() + 10
    while len(watched.found) < 2 and time.monotonic() < deadline:
        watched.page.wait_for_timeout(50)
    assert any("script-src" in what for what in watched.found)
    assert any("its picture" in what for what in watched.found)
    context.close()


def upload(page: Page, address: str, name: str, kind: str, content: bytes) -> None:
    page.goto(address)
    chosen = page.locator("input[type=file]").first
    chosen.set_input_files({"name": name, "mimeType": kind, "buffer": content})
    with page.expect_navigation():
        chosen.evaluate("input => input.form.requestSubmit()")


def test_mails_have_no_header_and_no_markup_of_anybodys(hostile: Hostile, browser: Browser) -> None:
    """Read in a browser that has no policy to hold anything back."""
    context = browser.new_context()
    watched = Watched.opened(context)
    assert len(hostile.mails) == 5
    for mail in hostile.mails:
        assert set(mail.keys()) <= MAIL_HEADERS
        assert len(mail.keys()) == len(set(mail.keys()))
        assert str(mail["From"]).endswith("<contera@127.0.0.1>")
        html = mail.get_body(("html",))
        assert html is not None
        watched.page.set_content(html.get_content())
        assert "onerror=ran()" in watched.page.locator("body").inner_text()
    assert watched.found == []
    context.close()
