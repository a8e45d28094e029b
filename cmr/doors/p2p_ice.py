"""ICE for peers nobody trusts yet: aioice, with bounds where it has none.

aioice waits 5 s for STUN, takes packets from everybody into an endless queue, answers strangers,
learns any number of peer-reflexive candidates and raises on attributes of the wrong length. All of
that is narrowed here and nowhere else; tests/cmr/test_p2p_ice.py notices when an update moves it.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from aioice import Candidate as IceCandidate
from aioice import Connection, stun
from aioice.ice import StunProtocol, get_host_addresses
from aiortc import RTCIceGatherer

from cmr.doors.p2p_candidates import Candidate, is_reachable

GATHER_S = 1  # a STUN server that has not answered by then is of no use to a waiting viewer
MAX_HOST_ADDRESSES = 8  # each is a socket per peer
MAX_WAITING_PACKETS = 512  # 0.6 MB per peer; DTLS reads them at once, or is being flooded
MAX_REMOTE_CANDIDATES = 48  # told by the viewer, and learnt from its packets
_MAX_STUN_FIRST_BYTE = 3  # RFC 7983 §7: what distinguishes STUN from DTLS
# What aioice raises on STUN attributes of lying length or content; all others are ValueErrors,
# which it deals with itself.
_LIES = (struct.error, LookupError, AssertionError)


def host_addresses() -> list[str]:
    """The addresses of this machine that a viewer may reach, IPv4 first."""
    found = [
        address
        for address in dict.fromkeys(get_host_addresses(use_ipv4=True, use_ipv6=True))
        if is_reachable(ipaddress.ip_address(address))
    ]
    return sorted(found, key=lambda address: ":" in address)[:MAX_HOST_ADDRESSES]


class BoundedConnection(Connection):
    """One ICE connection, always controlled: the viewer offers and decides."""

    def __init__(self, addresses: Sequence[str], stun_server: tuple[str, int] | None) -> None:
        super().__init__(ice_controlling=False, stun_server=stun_server)
        self._addresses = list(addresses)

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = GATHER_S,  # noqa: ASYNC109  aioice's signature
    ) -> list[IceCandidate]:
        """aioice's own, on our addresses and for a second only."""
        found = await super().get_component_candidates(component, self._addresses, GATHER_S)
        for protocol in self._protocols:
            _guard(self, protocol)
        return _without_doubles(found)

    def is_expected(self, data: bytes, address: tuple[str, int]) -> bool:
        """Whether a packet is STUN, or comes from an address that ICE knows."""
        if not data or data[0] <= _MAX_STUN_FIRST_BYTE:
            return bool(data)
        if any(pair.remote_addr == address for pair in self._nominated.values()):
            return True
        return any((c._network_host, c.port) == address for c in self._remote_candidates)

    def data_received(self, data: bytes, component: int) -> None:
        if self._queue.qsize() < MAX_WAITING_PACKETS:
            super().data_received(data, component)

    def request_received(
        self, message: stun.Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        """Answers those alone that know our user name and the password (RFC 8489 §9.1.3)."""
        username = message.attributes.get("USERNAME", "")
        is_ours = self._valid_username(username) and "PRIORITY" in message.attributes
        if is_ours and message.check_message_integrity(self.local_password.encode()):
            super().request_received(message, addr, protocol)

    def check_incoming(
        self, message: stun.Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        is_known = any((c._network_host, c.port) == addr for c in self._remote_candidates)
        if is_known or len(self._remote_candidates) < MAX_REMOTE_CANDIDATES:
            super().check_incoming(message, addr, protocol)


def _guard(connection: BoundedConnection, protocol: StunProtocol) -> None:
    """Puts itself before the socket's receiver, which aioice makes where nobody can choose it."""
    receive = protocol.datagram_received

    def guarded(data: bytes | str, addr: tuple[Any, ...]) -> None:  # Any: as asyncio has it
        raw = data if isinstance(data, bytes) else b""
        if not connection.is_expected(raw, (addr[0], addr[1])):
            return
        try:
            receive(raw, addr)
        except _LIES:
            return

    protocol.datagram_received = guarded  # type: ignore[method-assign]  # see above


def _without_doubles(found: Iterable[IceCandidate]) -> list[IceCandidate]:
    """Without addresses that a STUN server cannot have seen, and those we have ourselves (RFC 8445
    §5.1.3)."""
    kept: dict[tuple[str, int], IceCandidate] = {}
    for candidate in found:
        is_ours = candidate.type == "host"
        if is_ours or is_reachable(ipaddress.ip_address(candidate.host)):
            kept.setdefault((candidate.host, candidate.port), candidate)
    return list(kept.values())


class Gatherer(RTCIceGatherer):
    """aiortc's, on a bounded connection."""

    def __init__(self, addresses: Sequence[str], stun_server: tuple[str, int] | None) -> None:
        super().__init__(iceServers=[])
        self.connection = BoundedConnection(addresses, stun_server)
        self._connection = self.connection

    def candidate_lines(self) -> list[str]:
        """Ours, as attributes of SDP."""
        return [f"candidate:{one.to_sdp()}" for one in self.connection.local_candidates]

    async def add(self, candidate: Candidate, address: str) -> None:
        """One of the viewer's, at this literal address. May come at any time, and twice."""
        await self.connection.add_remote_candidate(
            IceCandidate(
                foundation=candidate.foundation,
                component=1,
                transport="udp",
                priority=candidate.priority,
                host=address,
                port=candidate.port,
                type=candidate.type,
            )
        )
