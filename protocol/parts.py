"""Messages on a data channel: WebRTC stacks carry 16 KiB at a time well, and larger ones badly.

A data channel message is `last:u8` and at most MAX_PART_BYTES of a message; parts are joined until
`last` is 1. The channel is ordered and reliable, and parts of two messages never mix.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.errors import ProtocolError

MAX_PART_BYTES = 16_383  # with `last` 16 KiB, what every browser takes (RFC 8831 §6.6)


def split(message: bytes) -> Iterator[bytes]:
    """The parts of one message, in order; an empty message is one part."""
    view = memoryview(message)
    for at in range(0, max(len(view), 1), MAX_PART_BYTES):
        is_last = at + MAX_PART_BYTES >= len(view)
        yield (b"\1" if is_last else b"\0") + view[at : at + MAX_PART_BYTES]


class Joiner:
    """Joins parts to messages of at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._message = bytearray()

    def feed(self, part: bytes) -> bytes | None:
        """The whole message when `part` was its last one; raises ProtocolError `bad_frame`,
        `frame_too_large`."""
        if not part or part[0] > 1:
            raise ProtocolError("bad_frame", "a part does not say whether it is the last")
        if len(part) - 1 > MAX_PART_BYTES:
            raise ProtocolError("frame_too_large", f"a part has {len(part)} bytes")
        if len(self._message) + len(part) - 1 > self._max_bytes:
            raise ProtocolError("frame_too_large", f"more than {self._max_bytes} bytes")
        if part[0] and not self._message:
            return bytes(part[1:])
        self._message += memoryview(part)[1:]
        if not part[0]:
            return None
        message, self._message = bytes(self._message), bytearray()
        return message
