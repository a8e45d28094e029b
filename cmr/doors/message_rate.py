"""How many messages a viewer may send (P2)."""

from __future__ import annotations

from protocol.errors import ProtocolError

MESSAGES_PER_S = 100.0  # a page seeking in 16 cameras sends about 50
MESSAGE_BURST = 400.0


class MessageRate:
    """A bucket of MESSAGE_BURST messages that fills again with MESSAGES_PER_S."""

    def __init__(self) -> None:
        self._left = MESSAGE_BURST
        self._counted_at: float | None = None

    def count(self, now: float) -> None:
        """One more, at `now` (seconds of a steady clock); raises ProtocolError
        `too_many_messages`."""
        elapsed_s = 0.0 if self._counted_at is None else now - self._counted_at
        self._left = min(MESSAGE_BURST, self._left + elapsed_s * MESSAGES_PER_S) - 1
        self._counted_at = now
        if self._left < 0:
            raise ProtocolError("too_many_messages", "more messages than any page sends")
