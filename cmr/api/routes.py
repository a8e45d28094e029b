"""The fixed list of what this recorder answers, and who may ask for it.

A path is compared as it came, never decoded: `..`, `%2e`, `//` and full addresses match nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from cmr import __version__
from cmr.api import playback
from cmr.api.access_changes import HeldBody, Holders
from cmr.api.door import RELAY, WEB, Door
from cmr.api.live import OpenStreams, SustainedStream
from cmr.api.message import ApiError, Response, json_response
from cmr.api.network_test import read_test, start_test
from cmr.api.p2p import Peers, add_candidates, close_peer, open_peer
from cmr.api.parameters import PROFILES, Parameters
from cmr.api.snapshots import Snapshots
from cmr.archive.footage import CameraFootage
from cmr.archive.reader import Archive
from cmr.cameras.camera import Camera
from cmr.local.keys import LocalKey
from cmr.preflight.preflight import Preflight
from cmr.registration import Registration
from protocol.footage import ALL, Spans, joined, shared
from protocol.http_message import Request
from protocol.times import format_time, from_90k
from protocol.tokens import (
    ACCESS_LIFETIME_S,
    AccessToken,
    Signer,
    TokenError,
    bearer,
    verify_access_token,
)

API_VERSION = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """A request whose token is good. `camera` and `stream_id` come from the path, `door` is the
    way it came."""

    request: Request
    parameters: Parameters
    token: AccessToken
    lasts_s: float
    door: Door
    camera: Camera | None = None
    right: str = ""  # that the token had to allow at the camera
    stream_id: str = ""

    @property
    def the_camera(self) -> Camera:
        if self.camera is None:
            raise LookupError("this route names no camera")
        return self.camera


Handler = Callable[["Api", Call], Awaitable[Response]]
Right = Callable[[Parameters], str]


@dataclass(frozen=True)
class Route:
    """`right` is what the token must allow at the camera in the path; None when the handler decides
    (documented in contracts.md §2). `is_control`: carries no video, and so may come by any path.
    `viewing`: its kind, where the answer is video that somebody sees."""

    method: str
    path: re.Pattern[str]
    parameters: tuple[str, ...]
    right: Right | None
    handler: Handler
    is_control: bool = False
    viewing: str = ""


class Viewings(Protocol):
    """Where it is noted who watches what (`cmr.viewings`)."""

    def note(self, response: Response, kind: str, call: Call) -> Response:
        """The answer, whose viewing lasts until it is closed."""


class Api:
    """Answers requests, whatever door they came through. Never raises but for cancellation."""

    def __init__(
        self, cameras: Mapping[int, Camera], archive: Archive, registration: Registration
    ) -> None:
        self.cameras = cameras
        self.archive = archive
        self.streams = OpenStreams()
        self.holders = Holders()
        self.snapshots = Snapshots(self.streams)
        self.registration = registration
        self.local_key: LocalKey | None = None  # where local accounts are known
        self.peers: Peers | None = None  # the peer-to-peer door, where it is open
        self.preflight: Preflight | None = None  # of a recorder that is registered
        self.viewings: Viewings | None = None

    async def handle(self, request: Request, door: Door = RELAY) -> Response:
        """The answer; the caller closes it (`Response.aclose`)."""
        try:
            route, match = find_route(request)
            token, lasts_s = self.verify(bearer(request.header("Authorization")), door)
            self._check_path(route, door, token)
            call = self._call(route, match, request, token, lasts_s, door)
            response = self._noted(route, call, await route.handler(self, call))
            return self._held(call, response)
        except ApiError as error:
            return error.response()
        except TokenError as error:
            return ApiError(401, error.code, str(error)).response()
        except OSError as error:
            log.warning("%s: %s", request.path, error)
            return ApiError(503, "storage_failed", "the recording cannot be read").response()
        except Exception:
            # Our bug. It ends this request, loudly; one viewer must not be able to end recording.
            log.exception("%s %s failed", request.method, request.path)
            return ApiError(500, "internal", "this recorder failed to answer").response()

    def verify(self, text: str | None, door: Door = RELAY) -> tuple[AccessToken, float]:
        """The token and how many seconds it still holds; raises ApiError 401 or TokenError."""
        identity = self.registration.identity
        if text is None:
            needed = "an access token" + (", or name and password" if door.name == WEB.name else "")
            raise ApiError(401, "token_missing", f"this request needs {needed}")
        if door.takes_local and self.local_key is not None and self.local_key.signed(text):
            now, keys, audience = int(self.registration.clock()), *self.local_key.checks
        elif identity is None:
            raise ApiError(401, "token_invalid", "this recorder is not registered with a portal")
        else:
            now = self.registration.portal_now()
            keys, audience = identity.keys, identity.recorder_id
        token = verify_access_token(keys, text, audience, now)
        return token, min(token.expires_at - now, ACCESS_LIFETIME_S)

    @property
    def host(self) -> tuple[Signer, str] | None:
        """What this recorder proves itself with, and its id: as its portal knows it, else as its
        own page does."""
        identity = self.registration.identity
        if identity is not None:
            return identity.signer, identity.recorder_id
        return None if self.local_key is None else (self.local_key.signer, self.local_key.host_id)

    def is_open(self, door: Door, token: AccessToken) -> bool:
        """Whether this door may carry video to the token's holder: by the token, and by the remote
        network settings. These are the portal's, and not about local accounts."""
        if self.local_key is not None and token.recorder_id == self.local_key.host_id:
            return door.takes_local
        paths = door.paths & token.paths
        return not door.paths or any(self.registration.is_path_on(path) for path in paths)

    def _check_path(self, route: Route, door: Door, token: AccessToken) -> None:
        if not route.is_control and not self.is_open(door, token):
            fact = "this way is switched off here, or not part of this session"
            raise ApiError(403, "path_off", fact)

    def _noted(self, route: Route, call: Call, response: Response) -> Response:
        if self.viewings is None or not route.viewing:
            return response
        return self.viewings.note(response, route.viewing, call)

    def _held(self, call: Call, response: Response) -> Response:
        """On a plain door: the answer ends when the rights of who asked for it change."""
        if not call.door.is_plain or isinstance(response.body, bytes):
            return response
        if isinstance(response.body, SustainedStream):
            response.body.hold(self.holders, call.token)
            return response
        return replace(response, body=HeldBody(self.holders, response.body, call.token))

    def _call(
        self,
        route: Route,
        match: re.Match[str],
        request: Request,
        token: AccessToken,
        lasts_s: float,
        door: Door,
    ) -> Call:
        parts = match.groupdict()
        stream_id = parts.get("stream", "")
        if "camera" not in parts:
            parameters = Parameters(request.query, route.parameters)
            return Call(request, parameters, token, lasts_s, door, stream_id=stream_id)
        number = int(parts["camera"])
        parameters, right = self._allowed_parameters(route, request, token, number)
        camera = self.cameras.get(number)
        if camera is None:
            raise ApiError(404, "camera_not_found", f"this recorder has no camera {number}")
        return Call(request, parameters, token, lasts_s, door, camera, right)

    def _allowed_parameters(
        self, route: Route, request: Request, token: AccessToken, number: int
    ) -> tuple[Parameters, str]:
        """With the right, which is checked before anything tells whether the camera exists."""
        if number not in token.grants:
            raise not_granted(None, number)
        parameters = Parameters(request.query, route.parameters)
        if route.right is None or not token.allows(right := route.right(parameters), number):
            raise not_granted(None if route.right is None else right, number)
        return parameters, right

    def footage(self, call: Call) -> CameraFootage:
        """What of the camera's recordings the token's right is about."""
        number = call.the_camera.number
        return CameraFootage(self.archive, number, call.token.spans(call.right, number))


def not_granted(right: str | None, camera: int) -> ApiError:
    """403: the token does not name the right."""
    what = f"{right} of camera {camera}" if right else f"anything at camera {camera}"
    return ApiError(403, "not_granted", f"this token does not allow {what}")


def is_allowed(request: Request, token: AccessToken, before: AccessToken | None = None) -> bool:
    """Whether a token would still do for an answer under way, that `before` was shown for. What
    needs no right of a camera goes on."""
    try:
        route, match = find_route(request)
        number = int(match.groupdict().get("camera", 0))
        if not number or route.right is None:
            return True
        right = route.right(Parameters(request.query, route.parameters))
    except ApiError:
        return True  # it was refused
    had = () if before is None else before.spans(right, number)
    return token.allows(right, number) and shared(had, token.spans(right, number)) == had


def find_route(request: Request) -> tuple[Route, re.Match[str]]:
    """Raises ApiError 404 for a path that is not listed, 405 for another method."""
    matches = [(route, match) for route in ROUTES if (match := route.path.fullmatch(request.path))]
    if not matches:
        raise ApiError(404, "not_found", "this recorder has no such address")
    for route, match in matches:
        if route.method == request.method:
            return route, match
    allow = ", ".join(route.method for route, _ in matches)
    fact = f"this address answers {allow} alone"
    raise ApiError(405, "method_not_allowed", fact, headers=(("Allow", allow),))


async def _describe(api: Api, call: Call) -> Response:
    host = api.host
    return json_response(
        {
            "recorder_id": None if host is None else host[1],
            "version": __version__,
            "time": format_time(from_90k(int(api.registration.clock() * 90_000))),
            "cameras": sorted(number for number in api.cameras if number in call.token.grants),
            "profiles": list(PROFILES),
            "api": API_VERSION,
        }
    )


async def _cameras(api: Api, call: Call) -> Response:
    named = [
        camera for number, camera in sorted(api.cameras.items()) if call.token.grants.get(number)
    ]
    shown = ((camera, _any_footage(call.token, camera.number)) for camera in named)
    return json_response(
        {"cameras": [await camera_object(api.archive, c, spans) for c, spans in shown]}
    )


def _any_footage(token: AccessToken, camera: int) -> Spans:
    """What the token's person may play back or export."""
    return joined((*token.spans("playback", camera), *token.spans("export", camera)))


async def camera_object(archive: Archive, camera: Camera, spans: Spans = ALL) -> dict[str, object]:
    """The camera of contracts.md §2, to somebody who may have this footage of it."""
    span = await asyncio.to_thread(CameraFootage(archive, camera.number, spans).span)
    first, last = (None, None) if span is None else (format_time(from_90k(t)) for t in span)
    return {**camera.status(), "recorded_from": first, "recorded_to": last}


async def _live(api: Api, call: Call) -> Response:
    camera, profile = call.the_camera, call.parameters.profile()
    stream = camera.streams.get(profile)
    if stream is None:
        raise ApiError.bad_parameter("profile", f"camera {camera.number} has no {profile} profile")
    since_90k = call.parameters.ticks_90k("since")
    return await api.streams.open(camera.number, stream, call.lasts_s, since_90k)


async def _renew(api: Api, call: Call) -> Response:
    stream = api.streams.find(call.stream_id)
    if not call.token.allows("live", stream.camera):
        raise not_granted("live", stream.camera)
    stream.renew(call.lasts_s, call.token)
    return Response(204)


async def _change_access(api: Api, call: Call) -> Response:
    """The rights of the token's person changed when it was issued: direct sessions must renew."""
    if not call.token.is_access_change:
        raise ApiError(403, "not_granted", "the portal alone tells of changed rights")
    api.holders.tell(call.token.user_id, call.token.issued_at)
    api.registration.ask_for_heartbeat()  # it brings the newer on-site list
    return Response(204)


async def _recordings(api: Api, call: Call) -> Response:
    return await playback.recordings(api.footage(call), call.parameters)


async def _video(api: Api, call: Call) -> Response:
    return await playback.video(api.footage(call), call.parameters)


async def _clip(api: Api, call: Call) -> Response:
    return await playback.clip(api.footage(call), call.parameters, call.request)


async def _snapshot(api: Api, call: Call) -> Response:
    return await api.snapshots.snapshot(call.the_camera, api.footage(call), call.parameters)


def _path(text: str) -> re.Pattern[str]:
    """`{n}` stands for a camera's number, `{id}` for a stream's id."""
    text = text.replace("{n}", "(?P<camera>[1-9][0-9]{0,3})")
    return re.compile(text.replace("{id}", "(?P<stream>[0-9a-f]{32})"))


def _always(right: str) -> Right:
    return lambda _: right


def _right_of_snapshot(parameters: Parameters) -> str:
    return "playback" if "time" in parameters else "live"


_RANGE = ("start", "end")
ROUTES = (
    Route("POST", _path("/v1/network-test"), (), None, start_test, is_control=True),
    Route("GET", _path("/v1/network-test"), (), None, read_test, is_control=True),
    Route("GET", _path("/v1/"), (), None, _describe, is_control=True),
    Route("POST", _path("/v1/access-changes"), (), None, _change_access, is_control=True),
    Route("POST", _path("/v1/p2p"), (), None, open_peer, is_control=True),
    Route("POST", _path("/v1/p2p/{id}/candidates"), (), None, add_candidates, is_control=True),
    Route("POST", _path("/v1/p2p/{id}/close"), (), None, close_peer, is_control=True),
    Route("GET", _path("/v1/cameras"), (), None, _cameras),
    Route(
        "GET",
        _path("/v1/cameras/{n}/live"),
        ("profile", "since"),
        _always("live"),
        _live,
        viewing="live",
    ),
    Route("POST", _path("/v1/streams/{id}/renewal"), (), None, _renew),
    Route("GET", _path("/v1/cameras/{n}/recordings"), _RANGE, _always("playback"), _recordings),
    Route(
        "GET",
        _path("/v1/cameras/{n}/video"),
        ("start", "duration", "profile"),
        _always("playback"),
        _video,
        viewing="recorded",
    ),
    Route(
        "GET",
        _path(r"/v1/cameras/{n}/clip\.mp4"),
        (*_RANGE, "profile"),
        _always("export"),
        _clip,
        viewing="clip",
    ),
    Route(
        "GET",
        _path(r"/v1/cameras/{n}/snapshot\.jpg"),
        ("time", "width"),
        _right_of_snapshot,
        _snapshot,
        viewing="snapshot",
    ),
)
