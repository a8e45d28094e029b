"""A browser without script at an identity provider: cookies, redirects, one form at a time."""

from __future__ import annotations

import html
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any

_INPUT = re.compile(r"<input\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"', re.IGNORECASE)


class _AsTheyCome(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """The visitor follows by itself, so that it can stop."""


@dataclass
class Page:
    url: str
    body: str

    @property
    def form(self) -> tuple[str, dict[str, str]]:
        """Where the first form goes, and what it holds."""
        action = re.search(r'<form[^>]*action="([^"]*)"', self.body, re.IGNORECASE)
        fields = {}
        for tag in _INPUT.findall(self.body):
            found = {name.lower(): html.unescape(value) for name, value in _ATTRIBUTE.findall(tag)}
            if "name" in found:
                fields[found["name"]] = found.get("value", "")
        target = html.unescape(action[1]) if action else ""
        return urllib.parse.urljoin(self.url, target), fields


@dataclass
class Visitor:
    """Stops where it is sent to an address that begins with `home`."""

    home: str
    _opener: urllib.request.OpenerDirector = field(init=False)

    def __post_init__(self) -> None:
        jar = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(jar, _AsTheyCome())

    def open(self, url: str, form: dict[str, str] | None = None) -> Page:
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self._opener.open(url, data, timeout=10) as answer:
                return Page(url, answer.read().decode())
        except urllib.error.HTTPError as error:
            if error.code not in (301, 302, 303, 307):
                raise AssertionError(f"{url}: {error.code} {error.read(2000)!r}") from None
            there = urllib.parse.urljoin(url, error.headers["Location"])
            return Page(there, "") if there.startswith(self.home) else self.open(there)

    def submit(self, page: Page, **typed: str) -> Page:
        target, fields = page.form
        return self.open(target, {**fields, **typed})
