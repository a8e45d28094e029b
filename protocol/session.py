"""Session protocol, version 1: many HTTP exchanges over one message channel.

The channel is a WebSocket or a data channel that carries binary messages whole. Each message is

    type:u8  stream:u32 (big endian)  payload

| type    | from   | stream | payload                                                            |
|---------|--------|--------|--------------------------------------------------------------------|
| REQUEST | viewer | new    | a whole HTTP/1.1 request message, without Authorization            |
| DATA    | host   | open   | the next bytes of the HTTP response message                        |
| END     | host   | open   | empty; the response is complete and the stream is gone             |
| CANCEL  | viewer | open   | empty; the viewer wants no more; the host answers END              |
| RENEW   | viewer | 0      | an access token; must be the first message, then before it expires |
| PING    | both   | 0      | up to 64 bytes, which come back as PONG                            |
| PONG    | both   | 0      | the bytes of the PING                                              |
| NOTICE  | host   | any    | JSON object with `code` and `detail`; stream 0 is the whole session |

A viewer numbers its streams from 1 upwards and never uses a number twice. The head of a response
is alone in the first DATA of its stream; for live video each later DATA is the initialisation
segment or one whole fragment, so a viewer that lost frames stays decodable. An endless response is
cut by END. After a NOTICE that closes a stream (`is_final` true) END follows.
"""

from __future__ import annotations

import enum
import json
import struct
from dataclasses import dataclass
from typing import Any

from protocol.errors import ProtocolError

SUBPROTOCOL = "contera.session.v1"
MAX_MESSAGE_BYTES = 320 * 1024  # a request with the largest body; hosts may send larger DATA
MAX_STREAMS = 64  # 16 cameras, each with live, playback, a snapshot and one to spare
MAX_PING_BYTES = 64
TOKEN_DEADLINE_S = 10  # a socket that does not present a token is closed after this time

_HEADER = struct.Struct("!BI")

# WebSocket close codes of the application range (RFC 6455 §7.4.2).
CLOSE_BAD_MESSAGE = 4400
CLOSE_UNAUTHORIZED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_NOT_FOUND = 4404
CLOSE_TOO_SLOW = 4408
CLOSE_OFFLINE = 4503


class MessageType(enum.IntEnum):
    REQUEST = 1
    DATA = 2
    END = 3
    CANCEL = 4
    RENEW = 5
    PING = 6
    PONG = 7
    NOTICE = 8


VIEWER_TYPES = frozenset(
    {
        MessageType.REQUEST,
        MessageType.CANCEL,
        MessageType.RENEW,
        MessageType.PING,
        MessageType.PONG,
    }
)


@dataclass(frozen=True)
class Message:
    type: MessageType
    stream: int
    payload: bytes = b""


def encode(type_: MessageType, stream: int, payload: bytes = b"") -> bytes:
    """One binary message; `stream` is 0 for the session itself."""
    return _HEADER.pack(type_, stream) + payload


def encode_notice(stream: int, code: str, detail: str, **extra: Any) -> bytes:
    """A NOTICE; `extra` holds JSON values (Any: serialised at once)."""
    body = json.dumps({"code": code, "detail": detail, **extra}).encode()
    return encode(MessageType.NOTICE, stream, body)


def decode(data: bytes) -> Message:
    """The message in `data`; raises ProtocolError `bad_frame` or `frame_too_large`."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise ProtocolError("frame_too_large", f"message has {len(data)} bytes")
    if len(data) < _HEADER.size:
        raise ProtocolError("bad_frame", f"message has {len(data)} bytes, less than its header")
    number, stream = _HEADER.unpack_from(data)
    try:
        type_ = MessageType(number)
    except ValueError:
        raise ProtocolError("bad_frame", f"message type {number} is unknown") from None
    return Message(type_, stream, bytes(data[_HEADER.size :]))


def decode_from_viewer(data: bytes) -> Message:
    """As `decode`, and refuses what only a host may send."""
    message = decode(data)
    if message.type not in VIEWER_TYPES:
        raise ProtocolError("bad_frame", f"a viewer does not send {message.type.name}")
    if message.type is MessageType.PING and len(message.payload) > MAX_PING_BYTES:
        raise ProtocolError("frame_too_large", f"PING carries {len(message.payload)} bytes")
    return message
