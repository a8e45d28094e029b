"""Link protocol, version 1: a recorder's answers over one WebSocket (`WS /relay/v1/link`).

Used where a filter on the way holds the bodies of POST requests or refuses `message/http`. Requests
still come by polls. Each binary message is

    type:u8  exchange:16 bytes  payload

| type  | from     | payload                                                                   |
|-------|----------|---------------------------------------------------------------------------|
| BEGIN | recorder | the first bytes of the HTTP response message; claims the exchange         |
| DATA  | recorder | the next bytes                                                            |
| END   | recorder | empty; the message is complete                                            |
| BREAK | recorder | empty; it never will be                                                   |
| PASS  | recorder | a newer relay pass; the exchange is NO_EXCHANGE                           |
| STOP  | relay    | a problem's code; nobody wants the rest. END and BREAK are not needed     |
| CREDIT| relay    | u32: so many more bytes may be sent, beyond WINDOW_BYTES at the beginning |
| PING  | recorder | up to 64 bytes, which come back as PONG; the exchange is NO_EXCHANGE      |
| PONG  | relay    | the bytes of the PING                                                     |

Answers share the socket: each is cut into pieces, so that none waits long behind another.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from protocol.errors import ProtocolError

SUBPROTOCOL = "contera.link.v1"
MAX_PIECE_BYTES = 16 * 1024  # 130 ms of a line of 1 Mbps
MAX_PING_BYTES = 64
MAX_PASS_BYTES = 8 * 1024
WINDOW_BYTES = 512 * 1024  # of one answer that the relay has not taken yet: 40 Mbps at 100 ms
NO_EXCHANGE = "0" * 32

CLOSE_BAD_MESSAGE = 4400
CLOSE_REPLACED = 4409

_HEADER = struct.Struct("!B16s")
_CREDIT = struct.Struct("!I")


class LinkType(enum.IntEnum):
    BEGIN = 1
    DATA = 2
    END = 3
    BREAK = 4
    PASS = 5
    STOP = 6
    CREDIT = 7
    PING = 8
    PONG = 9


_FROM_RECORDER = frozenset(
    {
        LinkType.BEGIN,
        LinkType.DATA,
        LinkType.END,
        LinkType.BREAK,
        LinkType.PASS,
        LinkType.PING,
    }
)
_LIMITS = {
    LinkType.BEGIN: MAX_PIECE_BYTES,
    LinkType.DATA: MAX_PIECE_BYTES,
    LinkType.PASS: MAX_PASS_BYTES,
    LinkType.STOP: 64,
    LinkType.CREDIT: _CREDIT.size,
    LinkType.PING: MAX_PING_BYTES,
    LinkType.PONG: MAX_PING_BYTES,
}


@dataclass(frozen=True)
class LinkMessage:
    """`exchange` is the exchange's id, 32 hexadecimal digits."""

    type: LinkType
    exchange: str
    payload: bytes = b""

    @property
    def credit(self) -> int:
        """Of a CREDIT; raises ProtocolError `bad_frame`."""
        if len(self.payload) != _CREDIT.size:
            raise ProtocolError("bad_frame", "CREDIT has no number")
        value: int = _CREDIT.unpack(self.payload)[0]
        return value


def encode(type_: LinkType, exchange: str = NO_EXCHANGE, payload: bytes = b"") -> bytes:
    """One binary message."""
    return _HEADER.pack(type_, bytes.fromhex(exchange)) + payload


def encode_credit(exchange: str, size_bytes: int) -> bytes:
    return encode(LinkType.CREDIT, exchange, _CREDIT.pack(size_bytes))


def decode_from_recorder(data: bytes) -> LinkMessage:
    """What the relay reads; raises ProtocolError `bad_frame` or `frame_too_large`."""
    return _decode(data, is_from_recorder=True)


def decode_from_relay(data: bytes) -> LinkMessage:
    """What the recorder reads; raises ProtocolError `bad_frame` or `frame_too_large`."""
    return _decode(data, is_from_recorder=False)


def _decode(data: bytes, *, is_from_recorder: bool) -> LinkMessage:
    if len(data) < _HEADER.size:
        raise ProtocolError("bad_frame", f"message has {len(data)} bytes, less than its header")
    number, exchange = _HEADER.unpack_from(data)
    try:
        type_ = LinkType(number)
    except ValueError:
        raise ProtocolError("bad_frame", f"message type {number} is unknown") from None
    if (type_ in _FROM_RECORDER) is not is_from_recorder:
        raise ProtocolError("bad_frame", f"{type_.name} comes from the other side")
    if len(data) - _HEADER.size > _LIMITS.get(type_, 0):
        raise ProtocolError("frame_too_large", f"{type_.name} has {len(data)} bytes")
    return LinkMessage(type_, exchange.hex(), data[_HEADER.size :])
