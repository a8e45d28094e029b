"""Sealed HTTP: requests and answers that no proxy between reads or changes, over plain HTTP.

For sites where TLS cannot be had: port 443 is closed, the proxy refuses CONNECT, or a filter breaks
TLS open. A tunnel is a sealed channel (`protocol.sealing`, kind `http`):

    POST /sealed/v1/hello      client hello → host hello; both know the tunnel's id now
    POST /sealed/v1/<tunnel>   one inner request → its answer; many run side by side
      body    number:u64, then records of the bytes of one HTTP/1.1 request
      answer  records of the bytes of its HTTP/1.1 answer

A record is `length:u16` and so many bytes: a sealed piece of at most MAX_PIECE_BYTES. The empty
piece is the last one of its direction. Both directions of a request have keys of their own, made
from the tunnel's and the request's number, and count their records from 0: records cannot be
lost, repeated, moved, taken into another request or handed back. A number is used once (`Numbers`),
so that a request which somebody recorded cannot be made again. Inside is HTTP with its own framing;
an inner connection carries one request.
"""

from __future__ import annotations

import hashlib
import struct

from protocol.errors import ProtocolError
from protocol.sealing import OVERHEAD_BYTES, SealedChannel

PREFIX = "/sealed/v1/"
HELLO_PATH = f"{PREFIX}hello"
KEYS_PATH = f"{PREFIX}keys"
KIND = "http"
PORTAL_HOST_ID = "portal"  # signs with the portal's key
NODE_HOST_ID = "relay"  # a relay node by itself, with a key of its own
MEDIA_TYPE = "application/octet-stream"

MAX_PIECE_BYTES = 16 * 1024  # as TLS has it: what must have arrived before any of it is believed
MAX_NUMBERS_BEHIND = 1024  # requests run side by side and overtake each other, 64 at a recorder

_NUMBER = struct.Struct("!Q")
_LENGTH = struct.Struct("!H")
NUMBER_BYTES = _NUMBER.size


def tunnel_id(client_hello: bytes, host_hello: bytes) -> str:
    """What a tunnel is called in addresses; no secret."""
    return hashlib.sha256(client_hello + host_hello).hexdigest()[:32]


def request_channel(tunnel: SealedChannel, number: int) -> SealedChannel:
    """The channel of one request of a tunnel."""
    return tunnel.child(_NUMBER.pack(number))


def format_number(number: int) -> bytes:
    return _NUMBER.pack(number)


def parse_number(data: bytes) -> int:
    """The number in the first NUMBER_BYTES of a request's body."""
    return int(_NUMBER.unpack_from(data)[0])


def seal(channel: SealedChannel, data: bytes) -> bytes:
    """The data as records; nothing for no data, because an empty piece means the end."""
    pieces = range(0, len(data), MAX_PIECE_BYTES)
    return b"".join(_record(channel, data[at : at + MAX_PIECE_BYTES]) for at in pieces)


def seal_end(channel: SealedChannel) -> bytes:
    """The record after which nothing comes in this direction."""
    return _record(channel, b"")


def _record(channel: SealedChannel, piece: bytes) -> bytes:
    sealed = channel.seal(piece)
    return _LENGTH.pack(len(sealed)) + sealed


class Opener:
    """Opens the records of one direction as their bytes come; sans-IO."""

    def __init__(self, channel: SealedChannel) -> None:
        self.is_ended = False
        self.has_begun = False  # a record came that only the other end can have made
        self._channel = channel
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What the complete records say; raises ProtocolError `bad_seal`."""
        self._buffer += data
        opened = bytearray()
        while (record := self._next_record()) is not None:
            opened += self._open(record)
        return bytes(opened)

    def _next_record(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < _LENGTH.size:
            return None
        (size,) = _LENGTH.unpack_from(buffer)
        if not OVERHEAD_BYTES <= size <= MAX_PIECE_BYTES + OVERHEAD_BYTES:
            raise ProtocolError("bad_seal", f"a record of {size} bytes")
        if len(buffer) < _LENGTH.size + size:
            return None
        record = bytes(buffer[_LENGTH.size : _LENGTH.size + size])
        del buffer[: _LENGTH.size + size]
        return record

    def _open(self, record: bytes) -> bytes:
        if self.is_ended:
            raise ProtocolError("bad_seal", "a record after the last one")
        piece = self._channel.open(record)
        self.has_begun = True
        self.is_ended = not piece
        return piece


class Numbers:
    """Which numbers were used; the newest MAX_NUMBERS_BEHIND are told apart (as RFC 4303 §3.4.3
    does), and older ones count as used."""

    def __init__(self) -> None:
        self._newest = 0
        self._used = 0  # bit n: the number `_newest - n`

    def check(self, number: int) -> None:
        """Raises ProtocolError `replayed` when the number may not be used any more."""
        behind = self._newest - number
        if behind >= MAX_NUMBERS_BEHIND or (behind >= 0 and self._used >> behind & 1):
            raise ProtocolError("replayed", "this request was made before")

    def use(self, number: int) -> None:
        """Marks a number whose first record was good; raises ProtocolError `replayed`."""
        self.check(number)
        ahead = max(0, number - self._newest)
        if ahead:
            kept = self._used << ahead if ahead < MAX_NUMBERS_BEHIND else 0
            self._used, self._newest = kept & (1 << MAX_NUMBERS_BEHIND) - 1, number
        self._used |= 1 << self._newest - number
