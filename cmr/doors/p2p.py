"""The peer-to-peer door: viewers whose packets find the way through the NATs (connection.md §3).

Signalling comes as requests of the API, by whatever door; video goes over data channels.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cmr.api.door import Door
from cmr.api.message import ApiError
from cmr.api.p2p import PeerAnswer
from cmr.api.routes import Api
from cmr.doors.p2p_ice import host_addresses
from cmr.doors.p2p_peer import Peer
from cmr.doors.p2p_sdp import Offer, format_answer, parse_offer

MAX_PEERS = 16
MAX_PEERS_PER_PERSON = 4  # two windows, each with a new try beside an old connection
SILENT_S = 3.0  # a viewer that is there pings twice a second; a crashed browser says nothing more
CLOSE_S = 5.0  # last words are sent in a moment; more would be a bug
_DOORS = {mode: Door("p2p", frozenset({mode})) for mode in ("p2p", "lan")}
_ID_BYTES = 16

StunServer = tuple[str, int]  # a literal address: nobody waits for names here

log = logging.getLogger(__name__)


@dataclass
class _Place:
    peer: Peer
    task: asyncio.Task[None]


class PeerDoor:
    """All peers of this recorder. `stun_server` gives the one to ask, if any answers."""

    def __init__(
        self,
        api: Api,
        stun_server: Callable[[], StunServer | None],
        addresses: Callable[[], Sequence[str]] = host_addresses,
    ) -> None:
        self._api = api
        self._stun_server = stun_server
        self._addresses = addresses
        self._places: dict[str, _Place] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        return len(self._places)

    async def run(self) -> None:
        """Serves until cancelled; all peers are then closed."""
        async with asyncio.TaskGroup() as group:
            self._tasks = group
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._tasks = None

    async def open(self, user_id: str, mode: str, sdp: str) -> PeerAnswer:
        """Answers an offer; raises ApiError, and ProtocolError `bad_sdp`."""
        offer = parse_offer(sdp)
        addresses = self._addresses()
        if self._tasks is None or not addresses:
            raise _unavailable()
        self._check_room(user_id)
        stun_server = self._stun_server() if mode == "p2p" else None
        peer = Peer(user_id, mode, offer, addresses, stun_server)
        peer_id = secrets.token_hex(_ID_BYTES)
        gathered = asyncio.get_running_loop().create_future()
        task = self._tasks.create_task(self._serve(peer_id, peer, gathered), name="peer")
        self._places[peer_id] = _Place(peer, task)
        return PeerAnswer(peer_id, _answer(offer, peer, await gathered))

    async def add_candidates(self, user_id: str, peer_id: str, lines: Sequence[str]) -> None:
        """More of the viewer's candidates; raises ApiError 404."""
        await self._place(user_id, peer_id).peer.add_candidates(lines)

    def close(self, user_id: str, peer_id: str) -> None:
        """The viewer wants it no more; raises ApiError 404."""
        self._place(user_id, peer_id).task.cancel()

    def _check_room(self, user_id: str) -> None:
        """Who fell silent without a word keeps nobody out, though ICE believes in it for 30 s."""
        alive = [p for p in self._places.values() if p.peer.silent_s < SILENT_S]
        mine = sum(place.peer.user_id == user_id for place in alive)
        if mine >= MAX_PEERS_PER_PERSON or len(alive) >= MAX_PEERS:
            raise ApiError(429, "too_many_peers", "there are too many peer-to-peer connections")
        if len(self._places) > len(alive):
            for place in self._places.values():
                if place not in alive:
                    place.task.cancel()

    def _place(self, user_id: str, peer_id: str) -> _Place:
        place = self._places.get(peer_id)
        if place is None or place.peer.user_id != user_id:
            raise ApiError(404, "peer_not_found", "there is no such peer-to-peer connection")
        return place

    async def _serve(self, peer_id: str, peer: Peer, gathered: asyncio.Future[list[str]]) -> None:
        try:
            await self._live(peer, gathered)
        except Exception:
            # Our bug, or aiortc's. It ends this peer; one viewer must not end the recorder.
            log.exception("p2p door: a peer failed")
        finally:
            if not gathered.done():
                gathered.set_exception(_unavailable())
            del self._places[peer_id]

    async def _live(self, peer: Peer, gathered: asyncio.Future[list[str]]) -> None:
        try:
            lines = await peer.gather()
            if not gathered.done():
                gathered.set_result(lines)
            await peer.run(self._api, _DOORS[peer.mode])
        finally:
            async with asyncio.timeout(CLOSE_S):
                await peer.close()


def _unavailable() -> ApiError:
    return ApiError(503, "p2p_unavailable", "this recorder cannot be a peer now")


def _answer(offer: Offer, peer: Peer, candidates: Sequence[str]) -> str:
    ufrag, password = peer.ice_parameters
    return format_answer(offer, int(time.time()), ufrag, password, peer.fingerprints, candidates)
