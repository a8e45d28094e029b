"""HTTP requests with deadlines, whose errors are words."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from contera_cli.errors import CommandFailed, Refused

TIMEOUT = urllib3.Timeout(connect=10.0, read=30.0)
MAX_WAIT_S = 60  # for a portal that asks for patience


class Web:
    """Connections to portal and relay."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT)

    def request(
        self,
        method: str,
        url: str,
        authorization: str = "",
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, its body still to be read; raises Refused or CommandFailed."""
        sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                fields=query,
                headers=sent,
                redirect=False,
                preload_content=False,
            )
        except HTTPError as error:
            raise CommandFailed(f"{url.partition('?')[0]}: {_words(error)}") from None
        if answer.status >= 300:
            raise _refusal(answer)
        return answer

    def json(self, method: str, url: str, authorization: str = "", **how: Any) -> Any:
        """What was answered, as JSON; waits once where the portal asks for it (429)."""
        try:
            answer = self.request(method, url, authorization, **how)
        except Refused as refused:
            if refused.status != 429 or not 0 < refused.wait_s <= MAX_WAIT_S:
                raise
            time.sleep(refused.wait_s)
            answer = self.request(method, url, authorization, **how)
        return parsed(answer.read())


def parsed(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        raise CommandFailed("The answer is not JSON: is this the address of a portal?") from None


def _refusal(answer: urllib3.BaseHTTPResponse) -> Refused:
    after = answer.headers.get("Retry-After", "0")
    try:
        told = json.loads(answer.read(64 * 1024))
        detail = str(told["detail"])
    except (ValueError, KeyError, TypeError):
        return Refused(answer.status, f"The answer is {answer.status}, without a reason.", {})
    fields = "".join(f"\n  {name}: {words}" for name, words in _fields(told.get("errors")))
    return Refused(answer.status, detail + fields, told, int(after) if after.isdecimal() else 0)


def _fields(errors: Any) -> list[tuple[str, str]]:
    if not isinstance(errors, Mapping):
        return []
    return [
        (str(name), " ".join(map(str, words)) if isinstance(words, list) else str(words))
        for name, words in errors.items()
    ]


def _words(error: HTTPError) -> str:
    if isinstance(error, urllib3.exceptions.SSLError):
        return "its certificate is not trusted"
    is_refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.TimeoutError) and not is_refused:
        return "it did not answer in time"
    return "it cannot be reached"
