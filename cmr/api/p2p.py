"""Signalling of peer-to-peer connections: offers in, answers out (connection.md §3)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cmr.api.message import ApiError, Response, json_response
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from cmr.api.routes import Api, Call

MODES = ("p2p", "lan")
_WORDS = {"p2p": "peer-to-peer", "lan": "the local network"}
MAX_LINES = 64  # of candidates in one request; how many are tried is the door's business


@dataclass(frozen=True)
class PeerAnswer:
    """The connection's id, and what the viewer sets as remote description."""

    id: str
    sdp: str


class Peers(Protocol):
    """The peer-to-peer door, as far as signalling needs it. All raise ApiError."""

    async def open(self, user_id: str, mode: str, sdp: str) -> PeerAnswer:
        """Also raises ProtocolError `bad_sdp`."""

    async def add_candidates(self, user_id: str, peer_id: str, lines: Sequence[str]) -> None: ...

    def close(self, user_id: str, peer_id: str) -> None: ...


async def open_peer(api: Api, call: Call) -> Response:
    """`{mode, sdp}` → 200 `{id, sdp, nat}`."""
    body = _body(call)
    mode, sdp = body.get("mode"), body.get("sdp")
    if mode not in MODES:
        raise ApiError.bad_parameter("mode", f"must be {' or '.join(MODES)}")
    peers = _peers(api)
    if mode not in call.token.paths or not api.registration.is_path_on(mode):
        raise _path_off(f"{_WORDS[mode]} is switched off here, or not part of this session")
    if not isinstance(sdp, str):
        raise ApiError(400, "bad_sdp", "sdp must be text")
    try:
        answer = await peers.open(call.token.user_id, mode, sdp)
    except ProtocolError as error:
        raise ApiError(400, error.code, str(error)) from None
    return json_response({"id": answer.id, "sdp": answer.sdp, "nat": api.registration.nat})


async def add_candidates(api: Api, call: Call) -> Response:
    """`{candidates: ["candidate:…"], end}` → 204, whatever becomes of them."""
    body = _body(call)
    lines = body.get("candidates", [])
    if not isinstance(lines, list) or len(lines) > MAX_LINES:
        raise ApiError.bad_parameter("candidates", f"must be a list of at most {MAX_LINES}")
    if not all(isinstance(line, str) for line in lines):
        raise ApiError.bad_parameter("candidates", "must be texts")
    # `end` changes nothing: a late candidate is welcome, and CONNECT_S ends the waiting.
    await _peers(api).add_candidates(call.token.user_id, call.stream_id, lines)
    return Response(204)


async def close_peer(api: Api, call: Call) -> Response:
    """→ 204."""
    _peers(api).close(call.token.user_id, call.stream_id)
    return Response(204)


def _peers(api: Api) -> Peers:
    if api.peers is None:
        raise _path_off("peer to peer is switched off in this recorder's configuration")
    return api.peers


def _path_off(fact: str) -> ApiError:
    return ApiError(403, "path_off", fact)


def _body(call: Call) -> dict[str, Any]:  # Any: JSON
    try:
        body = json.loads(call.request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "bad_body", "the body must be a JSON object")
    return body
