"""The STUN server's sockets.

One socket for each port and address family, bound to every address. The kernel tells where a
datagram arrived, and the answer leaves from there (IP_PKTINFO): a host with several addresses would
otherwise answer from one that the client never asked, and RFC 5780 wants to choose the source.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from django.conf import settings

from protocol.stun import MAX_MESSAGE_BYTES
from streaming.stun import Answer, Place, RateLimit, answer

logger = logging.getLogger(__name__)

ANY_ADDRESS = ("0.0.0.0", "::")
MAX_DATAGRAMS = 64  # in a row, before other work of the program gets its turn
_IP_PKTINFO = 8  # Linux; the socket module names it from Python 3.14 on
_PKTINFO4 = struct.Struct("i4s4s")  # ip(7): interface, local address, destination
_PKTINFO6 = struct.Struct("16si")  # ipv6(7): address, interface
_ANCILLARY_BYTES = socket.CMSG_SPACE(_PKTINFO6.size)


@dataclass(frozen=True)
class StunPlaces:
    """Where to serve. Port 0 is none; both addresses, of this host, or neither."""

    port: int
    other_port: int = 0
    address: str = ""
    other_address: str = ""
    hosts: tuple[str, ...] = ANY_ADDRESS

    def at(self, address: str, port: int, ports: Iterable[int]) -> Place:
        """The server as seen by a datagram that arrived here; `ports` are those we have."""
        other_port = next((one for one in ports if one != port), None)
        others = {self.address: self.other_address, self.other_address: self.address}
        return Place(address, port, others.get(address) or None, other_port)


def stun_places() -> StunPlaces:
    """Where the settings want the server."""
    return StunPlaces(
        settings.CONTERA_STUN_PORT,
        settings.CONTERA_STUN_OTHER_PORT,
        settings.CONTERA_STUN_ADDRESS,
        settings.CONTERA_STUN_OTHER_ADDRESS,
    )


class StunServer:
    """Answers on its sockets, by family and port; `streaming.stun.answer` decides."""

    def __init__(self, places: StunPlaces, sockets: dict[tuple[int, int], socket.socket]) -> None:
        self._places = places
        self._sockets = sockets
        self._limit = RateLimit()
        self._now = asyncio.get_running_loop().time

    def read(self, family: int, port: int) -> None:
        """A socket has something to read."""
        for _ in range(MAX_DATAGRAMS):
            try:
                received = self._sockets[family, port].recvmsg(
                    MAX_MESSAGE_BYTES + 1, _ANCILLARY_BYTES
                )
            except OSError:  # nothing more, or what an earlier answer met (ICMP)
                return
            data, ancillary, _, client = received
            self._datagram(family, port, data, _arrived_at(ancillary), client)

    def _datagram(
        self, family: int, port: int, data: bytes, address: str | None, client: tuple[str, int]
    ) -> None:
        if address is None or not self._limit.allows(client[0], self._now()):
            return
        ports = [one for kind, one in self._sockets if kind == family]
        place = self._places.at(address, port, ports)
        response = answer(data, (client[0], client[1]), place)
        if response is not None:
            self._send(family, response, client)

    def _send(self, family: int, response: Answer, client: tuple[str, int]) -> None:
        address, port = response.source
        try:
            self._sockets[family, port].sendmsg([response.data], [_leave_from(address)], 0, client)
        except OSError as error:  # no route, or a full buffer: the client asks again
            logger.debug("STUN: an answer from %s could not be sent: %s", address, error)


@asynccontextmanager
async def serving(places: StunPlaces) -> AsyncIterator[list[int]]:
    """The server answers inside the block, on the ports it yields.

    A taken port is logged and nothing else: video still travels by the relay.
    """
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        sockets = _bound(places, stack)
        server = StunServer(places, sockets)
        for (family, port), sock in sockets.items():
            loop.add_reader(sock.fileno(), server.read, family, port)
            stack.callback(loop.remove_reader, sock.fileno())
        yield sorted({port for _, port in sockets})


def _bound(places: StunPlaces, stack: ExitStack) -> dict[tuple[int, int], socket.socket]:
    sockets: dict[tuple[int, int], socket.socket] = {}
    for port in filter(None, (places.port, places.other_port)):
        for host in places.hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            try:
                sockets[family, port] = stack.enter_context(_socket(family, host, port))
            except OSError as error:
                level = logging.DEBUG if _is_no_family(family, error) else logging.WARNING
                logger.log(level, "no STUN at %s, UDP port %d: %s", host, port, error)
    return sockets


def _socket(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _is_no_family(family: int, error: OSError) -> bool:
    """A machine without IPv6 lacks nothing that it could serve."""
    return family == socket.AF_INET6 and error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def _arrived_at(ancillary: Iterable[tuple[int, int, bytes]]) -> str | None:
    """The address of ours that a datagram was sent to."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            return socket.inet_ntop(socket.AF_INET, _PKTINFO4.unpack(data)[1])
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return socket.inet_ntop(socket.AF_INET6, _PKTINFO6.unpack(data)[0])
    return None


def _leave_from(address: str) -> tuple[int, int, bytes]:
    """What makes an answer leave from this address of ours."""
    if ":" in address:
        packed = socket.inet_pton(socket.AF_INET6, address)
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _PKTINFO6.pack(packed, 0)
    packed = socket.inet_pton(socket.AF_INET, address)
    return socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO4.pack(0, packed, bytes(4))
