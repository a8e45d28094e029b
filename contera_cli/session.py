"""A session at one recorder through the relay: plain HTTP, the access token kept fresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import urllib3

from contera_cli.errors import CommandFailed
from contera_cli.portal import Camera, Portal
from protocol.times import format_time, parse_time

RELAY_SOCKET = "relay_socket"


class Session:
    """Opened with `open_session`; `get` asks the recorder."""

    def __init__(
        self, portal: Portal, opened: Mapping[str, str], address: str, clock: Callable[[], float]
    ) -> None:
        self._portal = portal
        self._id = opened["session_id"]
        self._recorder_id = opened["recorder_id"]
        self._address = address
        self._clock = clock
        self._take(opened)

    def get(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """The recorder's answer; raises Refused with its own words."""
        url, token = self._address + path, f"Bearer {self.token()}"
        return self._portal.web.request("GET", url, token, query=query, headers=headers)

    def sustain(self, stream_id: str) -> None:
        """Lets a live stream go on for another token; to be called every 30 s at most."""
        if not self._is_due():
            return
        path = f"/v1/streams/{stream_id}/renewal"
        url, token = self._address + path, f"Bearer {self.token()}"
        self._portal.web.request("POST", url, token).read()

    def token(self) -> str:
        """One that is good for half a minute at least."""
        if self._is_due():
            path = f"recorders/{self._recorder_id}/token/"
            self._take(self._portal.call("POST", path, body={"session_id": self._id}))
        return self._token

    def _is_due(self) -> bool:
        return self._clock() >= self._renew_at

    def _take(self, answer: Mapping[str, str]) -> None:
        self._token = answer["token"]
        self._renew_at = self._clock() + float(answer["renew_after_s"])


def open_session(
    portal: Portal, camera: Camera, clock: Callable[[], float] = time.monotonic
) -> Session:
    """Raises CommandFailed with the reason why the relay has no way to the recorder."""
    path = f"recorders/{camera.recorder['id']}/session/"
    opened = portal.call("POST", path, body={"path": "relay"})
    for offer in opened["offers"]:
        if offer["via"] == RELAY_SOCKET:
            address = "http" + offer["url"].removeprefix("ws").removesuffix("/session")
            return Session(portal, opened, address, clock)
    reasons = {refused["path"]: refused["detail"] for refused in opened["not_offered"]}
    raise CommandFailed(reasons.get("relay", "The relay is not offered for this recorder."))


def utc(text: str) -> str:
    """RFC 3339 with a zone, in UTC as recorders write it; raises ProtocolError."""
    return format_time(parse_time(text))
