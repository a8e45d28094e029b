"""What a door offers for one answer: the same for plain HTTP and for a stream of a session."""

from __future__ import annotations

from typing import Any, Protocol

from protocol.http_message import ResponseHead


class Outlet(Protocol):
    """Writes never wait: ask `is_writable` first, or `offer`; the door calls the viewer's `drain`
    when it turns true again. Nothing may be written after `end` or `fail`."""

    @property
    def is_writable(self) -> bool: ...
    def head(self, head: ResponseHead) -> None: ...
    def data(self, payload: bytes) -> None: ...
    def offer(self, payload: bytes) -> bool:
        """Writes and gives True, or False when it is not writable: one call per frame."""

    def notice(self, code: str, detail: str, **extra: Any) -> None:
        """A word beside the answer; `extra` holds JSON values (Any: serialised at once)."""

    def end(self) -> None:
        """The answer is complete."""

    def fail(self, code: str, detail: str) -> None:
        """The answer breaks off in its middle."""
