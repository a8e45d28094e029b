"""A bound on what one WebSocket message may cost on the wire (P2).

aiohttp bounds the size of a message and not its fragments: a million empty ones would be parsed
until the end of days. It offers no public way to count, so its parser is wrapped; a test holds the
names that are used here.
"""

from __future__ import annotations

from typing import Any

from aiohttp import WebSocketError, WSCloseCode, web

from protocol.session import MAX_MESSAGE_BYTES

# Four times the largest message; what was read ahead of the message being served included.
LIMIT_BYTES = 4 * MAX_MESSAGE_BYTES


class FragmentLimit:
    """Stands before a socket's parser and ends the socket with 1009 when LIMIT_BYTES came without
    a message being taken."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        protocol: Any = request.protocol  # Any: private names
        self._queue: Any = socket._reader
        self._parser: Any = protocol._payload_parser
        self._bytes = 0
        protocol._payload_parser = self

    def message_taken(self) -> None:
        self._bytes = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """As aiohttp's parser."""
        self._bytes += len(data)
        if self._bytes > LIMIT_BYTES:
            fact = "more fragments than a message has"
            self._queue.set_exception(WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, fact))
            return False, b""
        eof, tail = self._parser.feed_data(data)
        return bool(eof), tail

    def feed_eof(self) -> None:
        """As aiohttp's parser."""
        self._parser.feed_eof()
