"""What a viewer may ask for: the token it showed, and the right each address needs (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol.http_message import Request
from protocol.tokens import AccessToken, KeyRing, TokenError, verify_access_token
from streaming.relay import refusals
from streaming.relay.limits import MAX_TARGET_BYTES
from streaming.relay.refusals import Refusal

_CAMERA = re.compile(r"/v1/cameras/([1-9][0-9]{0,5})/([a-z0-9.]+)")
_RENEWAL = re.compile(r"/v1/streams/([0-9a-f]{32})/renewal")
_LIVE_QUERY = {"": "hd", "profile=hd": "hd", "profile=sd": "sd"}
_RIGHTS = {
    "live": "live",
    "recordings": "playback",
    "video": "playback",
    "clip.mp4": "export",
    "ptz": "ptz",
}


@dataclass(frozen=True)
class Credential:
    """An access token as the viewer sent it, and what it says."""

    text: str
    access: AccessToken

    def allows(self, need: Need | None) -> bool:
        return need is None or self.access.allows(need.right, need.camera)


@dataclass(frozen=True)
class Need:
    right: str
    camera: int


@dataclass(frozen=True)
class LiveTarget:
    camera: int
    profile: str


@dataclass(frozen=True)
class RenewalTarget:
    stream_id: str


def verify_viewer(keys: KeyRing, token: str | None, recorder_id: str, now: int) -> Credential:
    """Raises Refusal: 401 for any bad token, 404 for a good one of another recorder."""
    if token is None:
        raise Refusal(401, "token_missing", "The request carries no access token.")
    try:
        return Credential(token, verify_access_token(keys, token, recorder_id, now))
    except TokenError as error:
        if error.code == "token_not_for_this":
            raise refusals.not_found() from None
        raise refusals.unauthorized(error) from None


def live_target(request: Request) -> LiveTarget | RenewalTarget | None:
    """What the relay answers itself; None for a request that goes to the recorder.

    Raises Refusal for a live address that is not exactly of the form in the contract.
    """
    if match := _RENEWAL.fullmatch(request.path):
        return RenewalTarget(match[1])
    match = _CAMERA.fullmatch(request.path)
    if match is None or match[2] != "live":
        return None
    if request.method != "GET":
        raise Refusal(405, "method_not_allowed", "Live video is asked for with GET.")
    profile = _LIVE_QUERY.get(request.query)
    if profile is None:
        raise Refusal(400, "bad_parameter", "profile: hd or sd, and nothing else.")
    return LiveTarget(int(match[1]), profile)


def need_of(request: Request) -> Need | None:
    """The right that an address of the recorder API needs; None where any token will do.

    Unlisted addresses need nothing here: the recorder has a fixed list and answers 404.
    """
    match = _CAMERA.fullmatch(request.path)
    if match is None:
        return None
    if match[2] == "snapshot.jpg":
        is_recorded = any(part.startswith("time=") for part in request.query.split("&"))
        return Need("playback" if is_recorded else "live", int(match[1]))
    right = _RIGHTS.get(match[2])
    return None if right is None else Need(right, int(match[1]))


def check_target(request: Request) -> None:
    """Raises Refusal 404 for an address outside the recorder API (R13)."""
    if len(request.target) > MAX_TARGET_BYTES or not request.path.startswith("/v1/"):
        raise refusals.not_found()
