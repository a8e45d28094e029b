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
_SINCE = re.compile(r"[0-9]{1,16}")  # 90 kHz ticks since 1970 have 15 digits until 2286
_PROFILES = ("hd", "sd")
_RIGHTS = {
    "live": "live",
    "recordings": "playback",
    "video": "playback",
    "clip.mp4": "export",
    "ptz": "ptz",
}
ACCESS_CHANGES = "/v1/access-changes"
# What passes though no video may: signalling and questions to the recorder itself, each with the
# largest body it needs.
_CONTROL = (
    ("GET", re.compile(r"/v1/"), 0),
    ("POST", re.compile(r"/v1/p2p"), 24 * 1024),  # an SDP of 16 KiB as JSON
    ("POST", re.compile(r"/v1/p2p/[A-Za-z0-9_-]{1,64}/candidates"), 16 * 1024),
    ("POST", re.compile(r"/v1/p2p/[A-Za-z0-9_-]{1,64}/close"), 1024),
    ("POST", re.compile(ACCESS_CHANGES), 1024),
    ("POST", re.compile(r"/v1/network-test"), 1024),
    ("GET", re.compile(r"/v1/network-test"), 0),
)


@dataclass(frozen=True)
class Credential:
    """An access token as the viewer sent it, and what it says."""

    text: str
    access: AccessToken

    @property
    def has_relay(self) -> bool:
        """True when the relay may carry video to this viewer."""
        return "relay" in self.access.paths

    def may_watch(self, camera: int) -> bool:
        return self.has_relay and self.access.allows("live", camera)


@dataclass(frozen=True)
class Need:
    right: str
    camera: int


@dataclass(frozen=True)
class LiveTarget:
    """`since`: begin with the group of pictures that holds this time (90 kHz), if it is kept."""

    camera: int
    profile: str
    since: int | None = None


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
    return _live_target(int(match[1]), request.query)


def _live_target(camera: int, query: str) -> LiveTarget:
    pairs = [pair.partition("=")[::2] for pair in query.split("&")] if query else []
    asked = dict(pairs)
    profile, since = asked.pop("profile", "hd"), asked.pop("since", "0")
    if asked or len(pairs) > len(dict(pairs)) or profile not in _PROFILES:
        raise Refusal(400, "bad_parameter", "profile: hd or sd; since: a time; nothing else.")
    if not _SINCE.fullmatch(since):
        raise Refusal(400, "bad_parameter", "since: ticks of 90 kHz since 1970.")
    return LiveTarget(camera, profile, int(since) or None)


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


def check_right(credential: Credential, request: Request) -> None:
    """Raises Refusal 403 `relay_off` (only control may pass here) or `not_granted`."""
    if is_access_change(request) and not credential.access.is_access_change:
        raise refusals.not_the_portal()
    if not credential.has_relay and not is_control(request):
        raise refusals.relay_off()
    need = need_of(request)
    if need is not None and not credential.access.allows(need.right, need.camera):
        raise refusals.not_granted(need.right)


def check_live(credential: Credential, camera: int) -> None:
    """As `check_right`, for live video of a camera."""
    if not credential.has_relay:
        raise refusals.relay_off()
    if not credential.may_watch(camera):
        raise refusals.not_granted("live")


def is_access_change(request: Request) -> bool:
    """True when the portal tells that the rights of the token's person changed."""
    return request.method == "POST" and request.path == ACCESS_CHANGES


def is_control(request: Request) -> bool:
    """True for signalling and questions to the recorder itself; raises Refusal 413 for one with
    more body than it needs."""
    for method, path, limit in _CONTROL:
        if request.method == method and path.fullmatch(request.path):
            if len(request.body) > limit:
                raise Refusal(413, "body_too_large", f"More than {limit} bytes of body.")
            return True
    return False


def check_target(request: Request) -> None:
    """Raises Refusal 404 for an address outside the recorder API (R13)."""
    if len(request.target) > MAX_TARGET_BYTES or not request.path.startswith("/v1/"):
        raise refusals.not_found()
