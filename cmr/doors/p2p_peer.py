"""One viewer's peer-to-peer connection: ICE, DTLS, SCTP and the session on its data channel.

Composed of aiortc's transports (the ORTC half of its interface) instead of its RTCPeerConnection,
which can neither cut the gathering nor choose addresses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiortc import (
    RTCCertificate,
    RTCDataChannel,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceParameters,
    RTCIceTransport,
    RTCSctpCapabilities,
)

from cmr.api.door import Door
from cmr.api.routes import Api
from cmr.doors.p2p_candidates import (
    MAX_CANDIDATES,
    Candidate,
    is_address_tried,
    parse_candidate,
)
from cmr.doors.p2p_channel import DataChannelLine
from cmr.doors.p2p_ice import Gatherer
from cmr.doors.p2p_mdns import resolve
from cmr.doors.p2p_sctp import BoundedSctp
from cmr.doors.p2p_sdp import Offer
from cmr.doors.session import Session

CONNECT_S = 15.0  # from the offer to an open channel; a viewer that needs longer asks anew

log = logging.getLogger(__name__)


class Peer:
    """Life of one connection: `gather`, `run`, and `close` however it ended."""

    def __init__(
        self,
        user_id: str,
        mode: str,
        offer: Offer,
        addresses: Sequence[str],
        stun_server: tuple[str, int] | None,
    ) -> None:
        self.user_id = user_id
        self.mode = mode
        self._offer = offer
        self._gatherer = Gatherer(addresses, stun_server)
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [RTCCertificate.generateCertificate()])
        # RFC 8842 §5.3: the viewer leaves it to us unless it insists.
        self._dtls._set_role("server" if offer.is_dtls_client else "client")
        self._sctp = BoundedSctp(self._dtls)
        self._line: asyncio.Future[DataChannelLine] = asyncio.get_running_loop().create_future()
        self._known: set[Candidate] = set()
        self._names: asyncio.Queue[Candidate] = asyncio.Queue()  # bounded by MAX_CANDIDATES
        self._sctp.on("datachannel", self._opened)
        self._dtls.on("statechange", self._carrier_changed)

    async def gather(self) -> list[str]:
        """Our candidates, within about a second."""
        await self._gatherer.gather()
        return self._gatherer.candidate_lines()

    @property
    def ice_parameters(self) -> tuple[str, str]:
        """Our user name fragment and password."""
        connection = self._gatherer.connection
        return connection.local_username, connection.local_password

    @property
    def fingerprints(self) -> list[tuple[str, str]]:
        """(algorithm, hex pairs) of our certificate."""
        found = self._dtls.getLocalParameters().fingerprints
        return [(one.algorithm, one.value) for one in found if one.algorithm == "sha-256"]

    @property
    def silent_s(self) -> float:
        """Seconds since the viewer said anything on the channel; 0 while it is not open."""
        if not self._line.done() or self._line.exception() is not None:
            return 0.0
        return self._line.result().silent_s

    async def add_candidates(self, lines: Sequence[str]) -> None:
        """The viewer's, at any time; what we do not try is passed over in silence."""
        for line in lines:
            candidate = parse_candidate(line, self.mode)
            if candidate is None or candidate in self._known or len(self._known) >= MAX_CANDIDATES:
                continue
            self._known.add(candidate)
            if candidate.is_mdns:
                self._names.put_nowait(candidate)
            else:
                await self._gatherer.add(candidate, candidate.host)

    async def run(self, api: Api, door: Door) -> None:
        """Connects and serves the session until either side ends it. Cancelled: it closes."""
        async with asyncio.TaskGroup() as group:
            names = group.create_task(self._resolve_names())
            line = await self._connected()
            if line is not None:
                await Session(api, door, line).run(line.messages())
            names.cancel()

    async def close(self) -> None:
        """Gives back sockets and tasks, however far it came. Safe to call twice."""
        self._fail()
        self._line.exception()  # seen: nobody may be waiting any more
        await self._sctp.stop()
        await self._dtls.stop()
        await self._ice.stop()

    # Inside.

    async def _connected(self) -> DataChannelLine | None:
        """The session's channel; None when there was none in time."""
        try:
            async with asyncio.timeout(CONNECT_S):
                await self.add_candidates(self._offer.candidates)
                await self._connect()
                return await self._line
        except (TimeoutError, ConnectionError) as error:
            log.debug("p2p door: not connected: %r", error)
            return None

    async def _connect(self) -> None:
        offer = self._offer
        await self._ice.start(RTCIceParameters(offer.ufrag, offer.password))
        _check(self._ice.state == "completed", "ICE found no pair")
        fingerprints = [RTCDtlsFingerprint(*one) for one in offer.fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints))
        _check(self._dtls.state == "connected", "the DTLS handshake failed")
        await self._sctp.start(RTCSctpCapabilities(offer.max_message_bytes), offer.sctp_port)

    async def _resolve_names(self) -> None:
        """Each name has its own few seconds; literal addresses do not wait for them."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._resolve(await self._names.get()))

    async def _resolve(self, candidate: Candidate) -> None:
        address = await resolve(candidate.host)
        if address is not None and is_address_tried(address, "lan"):
            await self._gatherer.add(candidate, address)

    def _opened(self, channel: RTCDataChannel) -> None:
        if self._line.done() or not DataChannelLine.is_ours(channel):
            self._fail()  # one channel, and ours, is all that a viewer opens
        else:
            self._line.set_result(DataChannelLine(channel))

    def _carrier_changed(self) -> None:
        if self._dtls.state in {"closed", "failed"}:
            self._fail()

    def _fail(self) -> None:
        """What carries the session is gone."""
        if not self._line.done():
            self._line.set_exception(ConnectionAbortedError("the data channel was not opened"))
        elif self._line.exception() is None:
            self._line.result().lost()


def _check(is_so: bool, fact: str) -> None:
    if not is_so:
        raise ConnectionAbortedError(fact)
