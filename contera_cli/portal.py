"""The portal's API, as much as the commands need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contera_cli.account import Account
from contera_cli.errors import CommandFailed, Refused
from contera_cli.web import Web

PAGE = 500


@dataclass(frozen=True)
class Camera:
    """A camera with its recorder; `facts` as the API tells them (Any: JSON)."""

    recorder: dict[str, Any]
    facts: dict[str, Any]

    @property
    def number(self) -> int:
        return int(self.facts["number"])

    def __str__(self) -> str:
        return f"{self.recorder['name']}/{self.number} {self.facts['name']}"


class Portal:
    """Requests of one account."""

    def __init__(self, account: Account, web: Web) -> None:
        self.account = account
        self.web = web

    def call(self, method: str, path: str, **how: Any) -> Any:
        """An address below /api/v1/ (Any: JSON)."""
        url = f"{self.account.portal}/api/v1/{path}"
        return self.web.json(method, url, f"Token {self.account.token}", **how)

    def listed(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """All rows of a list that comes in pages."""
        offset = 0
        while True:
            asked = {**query, "limit": str(PAGE), "offset": str(offset)}
            page = self.call("GET", path, query=asked)
            yield from page["results"]
            offset += len(page["results"])
            if not page["next"] or not page["results"]:
                return

    def recorders(self, search: str = "") -> Iterator[dict[str, Any]]:
        return self.listed("recorders/", **({"search": search} if search else {}))

    def cameras(self, recorder: dict[str, Any]) -> list[Camera]:
        rows = self.call("GET", f"recorders/{recorder['id']}/cameras/")
        return [Camera(recorder, row) for row in rows]

    def camera(self, wanted: str) -> Camera:
        """By its id, by `recorder/number`, or by a name that only one camera has."""
        name, slash, number = wanted.rpartition("/")
        is_numbered = bool(slash) and number.isdecimal()
        found = [
            camera
            for recorder in self.recorders("" if _is_id(wanted) else name or wanted)
            for camera in self.cameras(recorder)
            if _is_meant(camera, wanted, name if is_numbered else "", number)
        ]
        if not found:
            raise CommandFailed(f"There is no camera {wanted}, or you may not see it.")
        if len(found) > 1:
            raise CommandFailed(f"{wanted} can be: " + ", ".join(map(str, found[:10])))
        return found[0]

    def sign_in(self, email: str, password: str, name: str, code: str = "") -> str:
        """The key of a new token; raises Refused `mfa_required` when a code is needed too."""
        wanted = {"email": email, "password": password, "name": name}
        if code:
            wanted["code"] = code
        made = self.web.json("POST", f"{self.account.portal}/api/v1/token/", body=wanted)
        return str(made["token"])

    def sign_out(self) -> None:
        """Withdraws the token that the client has; one that is gone already is fine."""
        try:
            me = self.call("GET", "me/")
            if me.get("token"):
                self.call("DELETE", f"tokens/{me['token']['id']}/")
        except Refused as refused:
            if refused.status != 401:
                raise


def _is_meant(camera: Camera, wanted: str, recorder: str, number: str) -> bool:
    if recorder:
        names = {camera.recorder["name"].casefold(), camera.recorder["id"]}
        return recorder.casefold() in names and str(camera.number) == number
    return wanted in (camera.facts["id"], camera.facts["name"])


def _is_id(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4
